"""Blobs of one container: the few calls a repository and the folder lists need.

All failures are ``AzureError``. The SDK is left out on purpose: see ``connections``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote

from kyanite.azure.blob.range_stream import RangeStream
from kyanite.azure.blob.versions import BlobVersions, blob_path
from kyanite.azure.connections import Body, ConnectionPool, Exchange
from kyanite.azure.data_plane import Access, DataPlane, PlaneError, Reply
from kyanite.azure.pauses import USUAL, Check, Patience, go_on
from kyanite.azure.xml_answers import Element, parse_xml
from kyanite.base.errors import AzureError, KyaniteError, Rejected

_PAGE_ENTRIES: Final = 5000


@dataclass(frozen=True)
class BlobInfo:
    """One blob of a listing."""

    name: str
    size_bytes: int
    modified_at: datetime
    content_md5: str = ""
    """Base64, as the service computed or was given it; empty when it has none."""


@dataclass(frozen=True)
class Listing:
    """One page: blobs, and prefixes (folders) when a delimiter was given."""

    blobs: tuple[BlobInfo, ...]
    prefixes: tuple[str, ...]
    next_marker: str


class ContainerClient:
    """One container, reached with some credential. Thread-safe."""

    def __init__(
        self, pool: Exchange, access: Access, check: Check = go_on, patience: Patience = USUAL
    ) -> None:
        self._plane = DataPlane(pool, access, check, patience)
        self.versions = BlobVersions(self._plane)

    def put_new(self, name: str, data: Body, tier: str = "") -> Reply:
        """Create a block blob in one request; never overwrites.

        Raises ``PlaneError``, which tells whether an earlier try may have been applied.
        """
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "If-None-Match": "*",
            "Content-Type": "application/octet-stream",
        }
        if tier:
            headers["x-ms-access-tier"] = tier
        return self._plane.request("PUT", blob_path(name), headers=headers, body=data)

    def get(self, name: str, offset: int | None = None, length: int | None = None) -> bytes:
        """A whole blob, or up to ``length`` bytes from ``offset``."""
        headers = {}
        if offset is not None and length is not None:
            headers["x-ms-range"] = f"bytes={offset}-{offset + length - 1}"
        body = self._request("GET", name, headers=headers).answer.body
        if length is not None and len(body) > length:
            raise Rejected(f"{len(body)} bytes of {name} came where {length} were asked for.")
        return body

    def open_range(
        self, name: str, offset: int, length: int, explain: Callable[[AzureError], KyaniteError]
    ) -> RangeStream:
        """Bytes of a blob as they come; its errors are made into those that ``explain`` says."""
        return RangeStream(self._plane, blob_path(name), offset, length, explain)

    def info(self, name: str) -> BlobInfo:
        """Size, time and checksum. Raises ``Gone``."""
        headers = self._request("HEAD", name).answer.headers
        try:
            return BlobInfo(
                name,
                int(headers.get("content-length", "0")),
                parse_time(headers.get("last-modified", "")),
                headers.get("content-md5", ""),
            )
        except ValueError as error:
            raise Rejected(f"What is said about the blob {name} cannot be read: {error}") from error

    def delete(self, name: str) -> None:
        """Delete a blob. Raises ``Gone`` if there is none."""
        self._request("DELETE", name)

    def list(self, prefix: str = "", delimiter: str = "") -> Iterator[Listing]:
        """All pages of a listing, in the order of names."""
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "maxresults": str(_PAGE_ENTRIES)}
            for name, value in (("prefix", prefix), ("delimiter", delimiter), ("marker", marker)):
                if value:
                    query[name] = value
            try:
                reply = self._plane.request("GET", query=query)
            except PlaneError as failure:
                raise failure.error from failure
            page = parse_listing(reply.answer.body)
            yield page
            marker = page.next_marker
            if not marker:
                return

    def _request(self, method: str, name: str, *, headers: dict[str, str] | None = None) -> Reply:
        try:
            return self._plane.request(method, blob_path(name), headers=headers)
        except PlaneError as failure:
            raise failure.error from failure


def parse_listing(xml: bytes) -> Listing:
    """Read one page of List Blobs. Raises ``Rejected`` if it is none."""
    root = parse_xml(xml, "A listing of blobs")
    try:
        blobs = [
            BlobInfo(
                _name_of(item),
                int(item.findtext("Properties/Content-Length") or 0),
                parse_time(item.findtext("Properties/Last-Modified") or ""),
                item.findtext("Properties/Content-MD5") or "",
            )
            for item in root.iterfind("Blobs/Blob")
        ]
        prefixes = [_name_of(item) for item in root.iterfind("Blobs/BlobPrefix")]
    except ValueError as error:
        raise Rejected(f"A listing of blobs cannot be read: {error}") from error
    return Listing(tuple(blobs), tuple(prefixes), root.findtext("NextMarker") or "")


def _name_of(item: Element) -> str:
    name = item.find("Name")
    if name is None:
        return ""
    text = name.text or ""
    return unquote(text) if name.get("Encoded", "").lower() == "true" else text


def parse_time(text: str) -> datetime:
    """A date of an HTTP header. Raises ``ValueError``."""
    moment = parsedate_to_datetime(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def open_container(
    access: Access, ca_file: str | None = None, check: Check = go_on
) -> ContainerClient:
    """A client with a pool of its own."""
    return ContainerClient(ConnectionPool(ca_file), access, check)
