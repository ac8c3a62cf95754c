"""Pages: the list of a disk, in pieces that points share.

docs/format/objects.md, "List of a disk".
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.engine.format import ID_BYTES, MAX_CHUNK_BYTES, NO_ID, ensure

_COUNT: Final = struct.Struct("<I")
_ZEROS: Final = 0x8000_0000
_LENGTH: Final = 0x7FFF_FFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """A run of a disk: a chunk, or zeros (no id)."""

    length: int
    chunk_id: bytes | None


def tidy(entries: Iterable[Entry]) -> list[Entry]:
    """The same list with neighbouring zeros joined."""
    result: list[Entry] = []
    for entry in entries:
        if entry.chunk_id is None and result and result[-1].chunk_id is None:
            result[-1] = Entry(result[-1].length + entry.length, None)
        else:
            result.append(entry)
    return result


def encode_leaf(entries: Sequence[Entry]) -> bytes | None:
    """The page of tidy ``entries``; ``None`` when they are all zeros, which needs no page."""
    ids = [entry.chunk_id for entry in entries if entry.chunk_id is not None]
    if not ids:
        return None
    words = array("I", [e.length if e.chunk_id is not None else e.length | _ZEROS for e in entries])
    return b"".join((_COUNT.pack(len(entries)), _little_endian(words).tobytes(), *ids))


def decode_leaf(page: bytes, span_bytes: int) -> list[Entry]:
    """The entries of a page over ``span_bytes``; ``Damaged`` if they do not fill it."""
    ensure(len(page) >= _COUNT.size, "A leaf page is cut short.")
    (count,) = _COUNT.unpack_from(page)
    at = _COUNT.size + 4 * count
    ensure(len(page) >= at, "A leaf page is cut short.")
    words = array("I", page[_COUNT.size : at])
    entries: list[Entry] = []
    total = 0
    for word in _little_endian(words):
        length = word & _LENGTH
        total += length
        if word & _ZEROS:
            ensure(length > 0, "A leaf page has an empty entry.")
            entries.append(Entry(length, None))
        else:
            ensure(0 < length <= MAX_CHUNK_BYTES, "A leaf page has a chunk of impossible length.")
            entries.append(Entry(length, page[at : at + ID_BYTES]))
            at += ID_BYTES
    ensure(at == len(page), "A leaf page has too many or too few ids.")
    ensure(total == span_bytes, "A leaf page does not fill its span of the disk.")
    return entries


def encode_inner(leaf_ids: Sequence[bytes]) -> bytes | None:
    """The inner page over ``leaf_ids`` (``NO_ID``: no page); ``None`` when there are none."""
    count = len(leaf_ids)
    while count and leaf_ids[count - 1] == NO_ID:
        count -= 1
    if not count:
        return None
    return b"".join((_COUNT.pack(count), *leaf_ids[:count]))


def decode_inner(page: bytes, fanout: int) -> list[bytes]:
    """Exactly ``fanout`` page ids; those that the page leaves out are ``NO_ID``."""
    ensure(len(page) >= _COUNT.size, "An inner page is cut short.")
    (count,) = _COUNT.unpack_from(page)
    ensure(
        count <= fanout and len(page) == _COUNT.size + ID_BYTES * count,
        "An inner page has another size than its count says.",
    )
    ids = [page[at : at + ID_BYTES] for at in range(_COUNT.size, len(page), ID_BYTES)]
    return ids + [NO_ID] * (fanout - count)


def _little_endian(words: array[int]) -> array[int]:
    if sys.byteorder == "big":
        words.byteswap()
    return words
