"""``Range`` and ``x-ms-range`` as the storage services read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from azlab.core.http import Headers
from azlab.services.disks.blob_errors import BlobError

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, slots=True)
class AskedRange:
    """Bytes ``start <= x < end``; ``end`` is None for "to the end"."""

    start: int
    end: int | None

    def inside(self, length: int) -> tuple[int, int]:
        """The part inside something of this length; 416 when it starts behind the end."""
        if self.start >= length:
            raise BlobError(
                416, "InvalidRange", "The range specified is invalid for the current size."
            )
        return self.start, length if self.end is None else min(self.end, length)


def asked_range(headers: Headers) -> AskedRange | None:
    """The range a request asks for; ``x-ms-range`` wins; None when there is none."""
    name = "x-ms-range" if "x-ms-range" in headers else "range"
    text = headers.get(name).strip()
    if not text:
        return None
    found = _RANGE.fullmatch(text)
    if found is None or (found[2] and int(found[2]) < int(found[1])):
        raise BlobError(
            400,
            "InvalidHeaderValue",
            "The value for one of the HTTP headers is not in the correct format.",
            HeaderName=name,
            HeaderValue=text,
        )
    return AskedRange(int(found[1]), int(found[2]) + 1 if found[2] else None)
