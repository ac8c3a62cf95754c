"""The bytes of a disk or snapshot behind a SAS: a page blob with a VHD footer at its end.

One ``DiskPages`` is one disk. Sizes here are the disk's own; the 512 bytes of the footer
never show.
"""

from __future__ import annotations

from typing import Final

from kyanite.azure.connections import Body, Exchange
from kyanite.azure.data_plane import DataPlane, PlaneError, Reply, SignedAccess
from kyanite.azure.pauses import USUAL, Check, Patience, go_on
from kyanite.azure.signed_urls import RenewableUrl
from kyanite.base.errors import Rejected
from kyanite.base.units import MIB, SECTOR_BYTES
from kyanite.rules.disk_size import VHD_FOOTER_BYTES

LARGEST_WRITE_BYTES: Final = 4 * MIB
"""Azure's limit for one page write."""
_LIST_PATIENCE: Final = Patience(attempts=3)
"""A list that times out is asked in smaller windows rather than again and again."""


class DiskPages:
    """Raw requests to one disk; all failures are ``AzureError``. Thread-safe."""

    def __init__(
        self, pool: Exchange, url: RenewableUrl, check: Check = go_on, patience: Patience = USUAL
    ) -> None:
        self._plane = DataPlane(pool, SignedAccess(url), check, patience)
        self.url = url
        self.check = check

    def size_bytes(self) -> int:
        """The size of the disk without its footer."""
        reply = self._send("HEAD")
        length = int(reply.answer.headers.get("content-length", "0"))
        if length <= VHD_FOOTER_BYTES:
            raise Rejected(f"{self.url.current().address} is not a disk: it has {length} bytes.")
        return length - VHD_FOOTER_BYTES

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with the bytes at ``offset``, in one request."""
        if not buffer:
            return
        reply = self._send(
            "GET",
            headers={"x-ms-range": f"bytes={offset}-{offset + len(buffer) - 1}"},
            into=buffer,
        )
        if reply.answer.received != len(buffer):
            raise Rejected(f"Reading {len(buffer)} bytes at {offset} gave {reply.answer.received}.")

    def write(self, offset: int, data: Body) -> None:
        """Write whole sectors, at most 4 MiB. Writing the same bytes twice is harmless."""
        if len(data) > LARGEST_WRITE_BYTES or offset % SECTOR_BYTES or len(data) % SECTOR_BYTES:
            raise ValueError(f"{len(data)} bytes at {offset} are no write of pages")
        self._send(
            "PUT",
            query={"comp": "page"},
            headers={
                "x-ms-page-write": "update",
                "x-ms-range": f"bytes={offset}-{offset + len(data) - 1}",
            },
            body=data,
        )

    def page_list(self, headers: dict[str, str], query: dict[str, str]) -> bytes:
        """One page of Get Page Ranges, as XML."""
        return self._send(
            "GET", query={"comp": "pagelist", **query}, headers=headers, patience=_LIST_PATIENCE
        ).answer.body

    def _send(
        self,
        method: str,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: Body = b"",
        into: memoryview | None = None,
        patience: Patience | None = None,
    ) -> Reply:
        try:
            return self._plane.request(
                method, query=query, headers=headers, body=body, into=into, patience=patience
            )
        except PlaneError as failure:
            raise failure.error from failure
