"""Versions of blobs and the locks on them: calls for containers with immutable versions.

A locked version outlives everything: its blob may be written over (that makes a new
version) and, where the newest version is not locked, deleted; the locked one stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final
from urllib.parse import quote

from kyanite.azure.data_plane import DataPlane, PlaneError, Reply
from kyanite.azure.xml_answers import Element, parse_xml
from kyanite.base.errors import Denied, Rejected

_PAGE_ENTRIES: Final = 5000
_UNTIL: Final = "x-ms-immutability-policy-until-date"


@dataclass(frozen=True)
class BlobVersion:
    """One version in a listing. ``version_id`` is the time of its making, as Azure writes it."""

    name: str
    version_id: str
    size_bytes: int
    made_at: datetime
    current: bool
    locked_until: datetime | None


class BlobVersions:
    """The calls, on one container. Thread-safe; failures are ``AzureError``."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    def are_kept(self) -> bool:
        """Whether the container keeps versions and can lock them."""
        try:
            reply = self._request("HEAD", "", {"restype": "container"})
        except Denied:  # a SAS may not ask for properties: whether blobs have versions tells
            return any(version.version_id for version in self._page("", "", 1)[0])
        header = "x-ms-immutable-storage-with-versioning-enabled"
        return reply.answer.headers.get(header, "").lower() == "true"

    def list(self, prefix: str) -> Iterator[BlobVersion]:
        """All versions of blobs whose name starts with ``prefix``: by name, oldest first."""
        marker = ""
        while True:
            found, marker = self._page(prefix, marker, _PAGE_ENTRIES)
            yield from (version for version in found if version.version_id)
            if not marker:
                return

    def lock(self, name: str, until: datetime) -> None:
        """Lock the current version until a time that nobody can shorten."""
        if until.microsecond:  # the service counts in seconds
            until = until.replace(microsecond=0) + timedelta(seconds=1)
        headers = {
            _UNTIL: format_datetime(until.astimezone(UTC), usegmt=True),
            "x-ms-immutability-policy-mode": "Locked",
        }
        self._request("PUT", blob_path(name), {"comp": "immutabilityPolicies"}, headers)

    def locked_until(self, name: str) -> datetime | None:
        """The end of the lock on the current version. Raises ``Gone``."""
        text = self._request("HEAD", blob_path(name), {}).answer.headers.get(_UNTIL, "")
        try:
            return _time(text)
        except ValueError as error:
            raise Rejected(f"The end of the lock on {name} cannot be read: {error}") from error

    def get(
        self, name: str, version_id: str, offset: int | None = None, length: int | None = None
    ) -> bytes:
        """A version, or up to ``length`` bytes from ``offset`` of it."""
        headers = {}
        if offset is not None and length is not None:
            headers["x-ms-range"] = f"bytes={offset}-{offset + length - 1}"
        query = {"versionid": version_id}
        return self._request("GET", blob_path(name), query, headers).answer.body

    def size(self, name: str, version_id: str) -> int:
        """Size of a version in bytes."""
        headers = self._request("HEAD", blob_path(name), {"versionid": version_id}).answer.headers
        return int(headers.get("content-length", "0"))

    def delete(self, name: str, version_id: str) -> None:
        """Remove a version that is not the current one. Raises ``Gone``."""
        self._request("DELETE", blob_path(name), {"versionid": version_id})

    def _page(self, prefix: str, marker: str, entries: int) -> tuple[Sequence[BlobVersion], str]:
        query = {
            "restype": "container",
            "comp": "list",
            "include": "versions,immutabilitypolicy",
            "maxresults": str(entries),
        }
        query |= {key: text for key, text in (("prefix", prefix), ("marker", marker)) if text}
        root = parse_xml(
            self._request("GET", "", query).answer.body, "A listing of versions of blobs"
        )
        try:
            found = [_version(item) for item in root.iterfind("Blobs/Blob")]
        except ValueError as error:
            raise Rejected(f"A listing of versions cannot be read: {error}") from error
        return found, root.findtext("NextMarker") or ""

    def _request(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str] | None = None
    ) -> Reply:
        try:
            return self._plane.request(method, path, query=query, headers=headers)
        except PlaneError as failure:
            raise failure.error from failure


def blob_path(name: str) -> str:
    """The URL path of a blob below its container."""
    return "/" + quote(name, safe="/~")


def _version(item: Element) -> BlobVersion:
    version_id = item.findtext("VersionId") or ""
    return BlobVersion(
        item.findtext("Name") or "",
        version_id,
        int(item.findtext("Properties/Content-Length") or 0),
        # Exact to a tenth of a microsecond, where Last-Modified counts seconds.
        datetime.fromisoformat(version_id) if version_id else datetime.fromtimestamp(0, UTC),
        item.findtext("IsCurrentVersion") == "true",
        _time(item.findtext("Properties/ImmutabilityPolicyUntilDate") or ""),
    )


def _time(text: str) -> datetime | None:
    return parsedate_to_datetime(text).astimezone(UTC) if text else None
