"""A repository in a blob container: the engine's ``Storage`` on Azure Blob.

One object is one block blob, written by one Put Blob with ``If-None-Match: *``: create-only,
whole or not at all, durable when it is answered. A put whose answer was lost is repeated
and then meets its own blob; whether it is its own is decided by length and checksum.
A credential that can create but not write is answered 403 ``UnauthorizedBlobOverwrite``
where others get 409; both mean that the name is taken.
TLS guards the bytes on their way and the engine's seals what comes back, so no checksum
is sent: computing one would cost as much as everything else this module does.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from kyanite.azure.blob.client import ContainerClient
from kyanite.azure.connections import Body, ConnectionPool, Exchange
from kyanite.azure.data_plane import Access, PlaneError, SignedAccess
from kyanite.azure.pauses import USUAL, Check, Patience, go_on
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import (
    AzureError,
    Denied,
    Gone,
    ObjectExists,
    ObjectLocked,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
    Throttled,
    Transient,
)
from kyanite.engine.storage.base import ObjectInfo, Version, check_name
from kyanite.engine.storage.streaming import ByteStream

_PROTECTED: Final = frozenset({"BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold"})
_TAKEN: Final = frozenset({"BlobAlreadyExists", "UnauthorizedBlobOverwrite"})


class BlobStorage:
    """Objects below a folder of a container. Thread-safe.

    ``tier`` is the access tier of new objects (``Hot``, ``Cool``, ``Cold``); empty: the
    account's own.
    """

    def __init__(
        self,
        access: Access,
        folder: str = "",
        *,
        ca_file: str | None = None,
        pool: Exchange | None = None,
        check: Check = go_on,
        tier: str = "",
        patience: Patience = USUAL,
    ) -> None:
        self._client = ContainerClient(pool or ConnectionPool(ca_file), access, check, patience)
        self._base = f"{folder.strip('/')}/" if folder.strip("/") else ""
        self._tier = tier
        self._keeps_versions: bool | None = None

    @classmethod
    def signed(
        cls,
        container: SignedUrl | RenewableUrl,
        folder: str = "",
        *,
        ca_file: str | None = None,
        pool: Exchange | None = None,
        check: Check = go_on,
        tier: str = "",
        patience: Patience = USUAL,
    ) -> BlobStorage:
        """With a SAS of the container."""
        url = container if isinstance(container, RenewableUrl) else RenewableUrl(container)
        return cls(
            SignedAccess(url),
            folder,
            ca_file=ca_file,
            pool=pool,
            check=check,
            tier=tier,
            patience=patience,
        )

    def put(self, name: str, data: Body) -> None:
        """Create an object. Raises ``ObjectExists``."""
        try:
            self._client.put_new(self._base + check_name(name), data, self._tier)
        except PlaneError as failure:
            error = failure.error
            if error.code in _TAKEN:
                if failure.repeated and self._holds(name, data):
                    return
                raise ObjectExists(f"There is an object {name} already.") from error
            raise _storage_error(name, error) from error

    def get(self, name: str) -> bytes:
        """The whole object. Raises ``ObjectMissing``."""
        try:
            return self._client.get(self._base + check_name(name))
        except AzureError as error:
            raise _storage_error(name, error) from error

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of an object; a negative ``offset`` counts from its end."""
        if length <= 0:
            return b""
        if offset < 0:  # the service knows no ranges from the end
            size = self.size(name)
            offset = max(0, size + offset)
            if size == 0:
                return b""
        try:
            return self._client.get(self._base + check_name(name), offset, length)
        except AzureError as error:
            if error.status == 416:  # the object ends before the range begins
                return b""
            raise _storage_error(name, error) from error

    def open_range(self, name: str, offset: int, length: int) -> ByteStream:
        """As ``get_range``, while it comes."""
        return self._client.open_range(
            self._base + check_name(name), offset, length, lambda error: _storage_error(name, error)
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose name starts with ``prefix``, sorted by name."""
        try:
            for page in self._client.list(self._base + prefix):
                for blob in page.blobs:
                    yield ObjectInfo(
                        blob.name[len(self._base) :], blob.size_bytes, blob.modified_at
                    )
        except AzureError as error:
            raise _storage_error(f"{prefix}*", error) from error

    def delete(self, name: str) -> None:
        """Remove an object; a missing one is fine."""
        try:
            self._client.delete(self._base + check_name(name))
        except Gone:
            return
        except AzureError as error:
            raise _storage_error(name, error) from error

    def size(self, name: str) -> int:
        """Size of an object in bytes. Raises ``ObjectMissing``."""
        try:
            return self._client.info(self._base + check_name(name)).size_bytes
        except AzureError as error:
            raise _storage_error(name, error) from error

    # Versions, in a container with immutable versions

    def keeps_versions(self) -> bool:
        """Whether the container keeps versions and can lock them; asked once."""
        if self._keeps_versions is None:
            try:
                self._keeps_versions = self._client.versions.are_kept()
            except AzureError as error:
                raise _storage_error("The container", error) from error
        return self._keeps_versions

    def lock_until(self, name: str, until: datetime) -> None:
        """Lock the current version; a lock that is as long already is fine."""
        path = self._base + check_name(name)
        try:
            try:
                self._client.versions.lock(path, until)
            except AzureError as error:
                if error.code not in _PROTECTED:
                    raise
                found = self._client.versions.locked_until(path)
                if found is None or found < until:
                    raise
        except AzureError as error:
            raise _storage_error(name, error) from error

    def locked_until(self, name: str) -> datetime | None:
        """The end of the lock on the current version."""
        try:
            return self._client.versions.locked_until(self._base + check_name(name))
        except AzureError as error:
            raise _storage_error(name, error) from error

    def versions(self, prefix: str) -> Iterator[Version]:
        """All versions of objects whose name starts with ``prefix``, by name, oldest first."""
        try:
            for found in self._client.versions.list(self._base + prefix):
                yield Version(
                    found.name[len(self._base) :],
                    found.version_id,
                    found.size_bytes,
                    found.made_at,
                    found.current,
                    found.locked_until,
                )
        except AzureError as error:
            raise _storage_error(f"{prefix}*", error) from error

    def get_version(self, name: str, version_id: str) -> bytes:
        """A version whole."""
        try:
            return self._client.versions.get(self._base + check_name(name), version_id)
        except AzureError as error:
            raise _storage_error(name, error) from error

    def get_version_range(self, name: str, version_id: str, offset: int, length: int) -> bytes:
        """Bytes of a version; a negative ``offset`` counts from its end."""
        path = self._base + check_name(name)
        if length <= 0:
            return b""
        try:
            if offset < 0:
                offset = max(0, self._client.versions.size(path, version_id) + offset)
            return self._client.versions.get(path, version_id, offset, length)
        except AzureError as error:
            if error.status == 416:
                return b""
            raise _storage_error(name, error) from error

    def delete_version(self, name: str, version_id: str) -> None:
        """Remove a hidden version; a missing one is fine. Raises ``ObjectLocked``."""
        try:
            self._client.versions.delete(self._base + check_name(name), version_id)
        except Gone:
            return
        except AzureError as error:
            raise _storage_error(name, error) from error

    def _holds(self, name: str, data: Body) -> bool:
        """Whether the object is exactly ``data``: an earlier try of ours was applied."""
        try:
            info = self._client.info(self._base + name)
            if info.size_bytes != len(data):
                return False
            if info.content_md5:
                digest = hashlib.md5(data, usedforsecurity=False).digest()
                return info.content_md5 == base64.b64encode(digest).decode()
            return self._client.get(self._base + name) == data
        except AzureError as error:
            raise _storage_error(name, error) from error


def _storage_error(name: str, error: AzureError) -> StorageError:
    if error.code in _PROTECTED:
        return ObjectLocked(f"{name} is locked: {error}")
    kinds: tuple[tuple[type[AzureError], type[StorageError]], ...] = (
        (Gone, ObjectMissing),
        (Denied, StorageDenied),
        (Throttled, StorageUnavailable),
        (Transient, StorageUnavailable),
    )
    for azure_kind, kind in kinds:
        if isinstance(error, azure_kind):
            return kind(f"{name}: {error}")
    return StorageError(f"{name}: {error}")
