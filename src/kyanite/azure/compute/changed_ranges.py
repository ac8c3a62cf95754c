"""Which ranges of a snapshot hold data, and which changed since an older one.

Get Page Ranges answers both, in pages with markers. Very fragmented disks make Azure time
out over large windows, so the disk is asked about in windows that are halved when that
happens. The footer behind the disk's end is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.signed_urls import RenewableUrl
from kyanite.azure.xml_answers import parse_xml
from kyanite.base.errors import Denied, Rejected, Transient
from kyanite.base.units import GIB
from kyanite.engine.ranges import ByteRange, RangeList

_WINDOW_BYTES: Final = 128 * GIB
_SMALLEST_WINDOW_BYTES: Final = GIB
_PREVIOUS: Final = "x-ms-previous-snapshot-url"


def allocated_ranges(pages: DiskPages, size_bytes: int) -> RangeList:
    """The ranges that were ever written and not discarded."""
    return RangeList(_ask(pages, size_bytes, None)).clip(size_bytes)


def changed_ranges(pages: DiskPages, previous: RenewableUrl, size_bytes: int) -> RangeList:
    """What differs from the older snapshot behind ``previous``; cleared ranges are ``zero``.

    Both must be of one disk. Raises ``Rejected`` or ``Gone`` when Azure cannot compare
    them (the caller then reads everything), ``Denied`` when the access has ended.
    """
    return RangeList(_ask(pages, size_bytes, previous)).clip(size_bytes)


def _ask(pages: DiskPages, size_bytes: int, previous: RenewableUrl | None) -> Iterator[ByteRange]:
    windows = [
        (start, min(start + _WINDOW_BYTES, size_bytes))
        for start in range(0, size_bytes, _WINDOW_BYTES)
    ]
    windows.reverse()
    while windows:
        start, end = windows.pop()
        try:
            yield from _window(pages, start, end, previous)
        except Transient:
            if end - start <= _SMALLEST_WINDOW_BYTES:
                raise
            middle = start + max(_SMALLEST_WINDOW_BYTES, (end - start) // 2 // GIB * GIB)
            windows += [(middle, end), (start, middle)]


def _window(
    pages: DiskPages, start: int, end: int, previous: RenewableUrl | None
) -> list[ByteRange]:
    """All ranges of one window, whole or not at all: a half answer would be asked again."""
    found: list[ByteRange] = []
    marker = ""
    while True:
        answer = _page(pages, start, end, marker, previous)
        ranges, marker = parse_page_list(answer)
        found += ranges
        if not marker:
            return found


def _page(
    pages: DiskPages, start: int, end: int, marker: str, previous: RenewableUrl | None
) -> bytes:
    headers = {"x-ms-range": f"bytes={start}-{end - 1}"}
    query = {"marker": marker} if marker else {}
    if previous is None:
        return pages.page_list(headers, query)
    older = previous.current()
    try:
        return pages.page_list({**headers, _PREVIOUS: older.reveal()}, query)
    except Denied:
        # The older snapshot's access may have ended: the refusal does not tell which.
        newer = previous.replace(older)
        return pages.page_list({**headers, _PREVIOUS: newer.reveal()}, query)


def parse_page_list(xml: bytes) -> tuple[list[ByteRange], str]:
    """Ranges and next marker of one answer. Raises ``Rejected`` if it is none."""
    root = parse_xml(xml, "Azure's list of page ranges")
    try:
        ranges = [
            ByteRange(
                int(item.findtext("Start", "")),
                int(item.findtext("End", "")) - int(item.findtext("Start", "")) + 1,
                zero=item.tag == "ClearRange",
            )
            for item in root
            if item.tag in ("PageRange", "ClearRange")
        ]
    except ValueError as error:
        raise Rejected(f"Azure's list of page ranges cannot be read: {error}") from error
    return ranges, (root.findtext("NextMarker") or "").strip()
