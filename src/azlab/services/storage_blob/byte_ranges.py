"""The ranges a read can ask for: `bytes=first-last` and `bytes=first-`."""

import re
from dataclasses import dataclass

from azlab.services.storage_blob.errors import StorageError, bad_header
from azlab.services.storage_blob.request import BlobRequest

_FORM = re.compile(r"bytes=(\d{1,19})-(\d{1,19})?")


@dataclass(frozen=True)
class ReadRange:
    """What of a blob of known size is to be sent; `partial` tells 206 from 200."""

    offset: int
    length: int
    partial: bool


def requested(request: BlobRequest, size_bytes: int) -> ReadRange:
    """x-ms-range wins over Range. Raises InvalidRange (416) beyond the end of the blob."""
    for name in ("x-ms-range", "range"):
        text = request.header(name)
        if text is not None:
            return _clip(name, text, size_bytes)
    return ReadRange(0, size_bytes, partial=False)


def of_source(text: str, size_bytes: int) -> ReadRange:
    """x-ms-source-range, for Put Block From URL."""
    return _clip("x-ms-source-range", text, size_bytes)


def _clip(name: str, text: str, size_bytes: int) -> ReadRange:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise bad_header(name, text)
    first = int(match[1])
    last = int(match[2]) if match[2] else size_bytes - 1
    if match[2] and last < first:
        raise bad_header(name, text)
    if first >= size_bytes:
        raise StorageError("InvalidRange", headers=(("Content-Range", f"bytes */{size_bytes}"),))
    return ReadRange(first, min(last, size_bytes - 1) - first + 1, partial=True)
