"""The answer of Get Page Ranges: XML, at most 10,000 results, then a marker."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from azlab.services.disks.blob_errors import BlobError
from azlab.services.disks.store import PageRun

MOST_RESULTS = 10_000
_MARKER_PREFIX = "2!"


def wanted_results(text: str) -> int:
    """The value of ``maxresults``; 10,000 when it is absent."""
    if not text:
        return MOST_RESULTS
    if not text.isdecimal() or not 1 <= int(text) <= MOST_RESULTS:
        raise BlobError(
            400,
            "OutOfRangeQueryParameterValue",
            "One of the query parameters specified in the request URI is outside the "
            "permissible range.",
            QueryParameterName="maxresults",
            QueryParameterValue=text,
            MinimumAllowed="1",
            MaximumAllowed=str(MOST_RESULTS),
        )
    return int(text)


def marker_at(offset: int) -> str:
    """An opaque marker that continues at a byte offset."""
    return _MARKER_PREFIX + base64.urlsafe_b64encode(f"page:{offset}".encode()).decode()


def offset_of(marker: str) -> int:
    """Where a marker continues; 0 without one."""
    if not marker:
        return 0
    try:
        text = base64.urlsafe_b64decode(marker.removeprefix(_MARKER_PREFIX)).decode()
        word, _, number = text.partition(":")
        if word != "page":
            raise ValueError(text)
        return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BlobError(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters specified in the request URI is invalid.",
            QueryParameterName="marker",
            QueryParameterValue=marker,
        ) from None


def page_list_xml(runs: Sequence[PageRun], most: int | None) -> bytes:
    """The runs as XML; with ``most``, no more than that and a marker for the rest."""
    shown = runs if most is None else runs[:most]
    parts = ['<?xml version="1.0" encoding="utf-8"?><PageList>']
    for run in shown:
        name = "ClearRange" if run.cleared else "PageRange"
        end = run.offset + run.length - 1
        parts.append(f"<{name}><Start>{run.offset}</Start><End>{end}</End></{name}>")
    if len(shown) < len(runs):
        parts.append(f"<NextMarker>{marker_at(runs[len(shown)].offset)}</NextMarker>")
    else:
        parts.append("<NextMarker />")
    parts.append("</PageList>")
    return "".join(parts).encode()
