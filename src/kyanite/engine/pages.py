"""Pages: the list of a disk, in pieces that points share.

docs/format/objects.md, "List of a disk".
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from kyanite.engine.format import ID_BYTES, MAX_CHUNK_BYTES, NO_ID, ensure
from kyanite.engine.pack import PackNumber

_COUNTS: Final = struct.Struct("<II")
_PACK: Final = struct.Struct("<16sI")
_MOST_PACKS: Final = 1 << 16
_MOST_ENTRIES: Final = 2 * (1 << 16) + 1  # 65 536 chunks, and zeros before, between and behind
_ZEROS: Final = 0x8000_0000
_LENGTH: Final = 0x7FFF_FFFF


class Entry(NamedTuple):
    """A run of a disk: a chunk and the pack it is in, or zeros (no id, no pack)."""

    length: int
    chunk_id: bytes | None
    pack: PackNumber | None = None


class PageRef(NamedTuple):
    """A page and the pack it is in; ``NO_PAGE`` where all is zero."""

    page_id: bytes
    pack: PackNumber | None


NO_PAGE: Final = PageRef(NO_ID, None)


def tidy(entries: Iterable[Entry]) -> list[Entry]:
    """The same list with neighbouring zeros joined."""
    result: list[Entry] = []
    for entry in entries:
        if entry.chunk_id is None and result and result[-1].chunk_id is None:
            result[-1] = Entry(result[-1].length + entry.length, None)
        else:
            result.append(entry)
    return result


def needs_of(entries: Iterable[Entry]) -> dict[PackNumber, int]:
    """How many bytes of a span stand in each pack."""
    needs: dict[PackNumber, int] = {}
    for length, _, pack in entries:
        if pack is not None:
            needs[pack] = needs.get(pack, 0) + length
    return needs


def encode_leaf(entries: Sequence[Entry]) -> bytes | None:
    """The page of tidy ``entries``; ``None`` when they are all zeros, which needs no page."""
    ids = [entry.chunk_id for entry in entries if entry.chunk_id is not None]
    if not ids:
        return None
    words = array("I", [e.length if e.chunk_id is not None else e.length | _ZEROS for e in entries])
    packs, numbers = _number_packs(e.pack for e in entries if e.chunk_id is not None)
    return b"".join(
        (
            _COUNTS.pack(len(entries), len(packs)),
            *(_PACK.pack(*pack) for pack in packs),
            _little_endian(words).tobytes(),
            numbers,
            *ids,
        )
    )


def decode_leaf(page: bytes, span_bytes: int) -> list[Entry]:
    """The entries of a page over ``span_bytes``; ``Damaged`` if they do not fill it."""
    ensure(len(page) >= _COUNTS.size, "A leaf page is cut short.")
    count, pack_count = _COUNTS.unpack_from(page)
    at_words = _COUNTS.size + pack_count * _PACK.size
    at_numbers = at_words + 4 * count
    ensure(
        len(page) >= at_numbers and pack_count <= _MOST_PACKS and count <= _MOST_ENTRIES,
        "A leaf page is cut short, or lists too much.",
    )
    packs = _packs(page[_COUNTS.size : at_words])
    words = _little_endian(array("I", page[at_words:at_numbers]))
    chunks = sum(1 for word in words if word < _ZEROS)
    at = at_numbers + 2 * chunks
    ensure(len(page) == at + ID_BYTES * chunks, "A leaf page has too many or too few ids.")
    numbers = iter(_little_endian(array("H", page[at_numbers:at])))
    entries: list[Entry] = []
    total = 0
    for word in words:
        length = word & _LENGTH
        total += length
        if word & _ZEROS:
            ensure(length > 0, "A leaf page has an empty entry.")
            entries.append(Entry(length, None))
        else:
            ensure(0 < length <= MAX_CHUNK_BYTES, "A leaf page has a chunk of impossible length.")
            number = next(numbers)
            ensure(number < pack_count, "A leaf page names a pack that it does not list.")
            entries.append(Entry(length, page[at : at + ID_BYTES], packs[number]))
            at += ID_BYTES
    ensure(total == span_bytes, "A leaf page does not fill its span of the disk.")
    return entries


def encode_inner(leaves: Sequence[PageRef]) -> bytes | None:
    """The inner page over ``leaves``; ``None`` when there are none."""
    count = len(leaves)
    while count and leaves[count - 1].page_id == NO_ID:
        count -= 1
    if not count:
        return None
    present = [leaf for leaf in leaves[:count] if leaf.page_id != NO_ID]
    packs, numbers = _number_packs(leaf.pack for leaf in present)
    return b"".join(
        (
            _COUNTS.pack(count, len(packs)),
            *(_PACK.pack(*pack) for pack in packs),
            *(leaf.page_id for leaf in leaves[:count]),
            numbers,
        )
    )


def decode_inner(page: bytes, fanout: int) -> list[PageRef]:
    """Exactly ``fanout`` leaf pages; those that the page leaves out are ``NO_PAGE``."""
    ensure(len(page) >= _COUNTS.size, "An inner page is cut short.")
    count, pack_count = _COUNTS.unpack_from(page)
    at_ids = _COUNTS.size + pack_count * _PACK.size
    at_numbers = at_ids + ID_BYTES * count
    ensure(
        count <= fanout and pack_count <= count and len(page) >= at_numbers,
        "An inner page is cut short.",
    )
    packs = _packs(page[_COUNTS.size : at_ids])
    ids = [page[at : at + ID_BYTES] for at in range(at_ids, at_numbers, ID_BYTES)]
    present = sum(1 for one in ids if one != NO_ID)
    ensure(
        len(page) == at_numbers + 2 * present,
        "An inner page has another size than its counts say.",
    )
    numbers = iter(_little_endian(array("H", page[at_numbers:])))
    leaves: list[PageRef] = []
    for page_id in ids:
        if page_id == NO_ID:
            leaves.append(NO_PAGE)
            continue
        number = next(numbers)
        ensure(number < pack_count, "An inner page names a pack that it does not list.")
        leaves.append(PageRef(page_id, packs[number]))
    return leaves + [NO_PAGE] * (fanout - count)


def _number_packs(packs: Iterable[PackNumber | None]) -> tuple[Sequence[PackNumber], bytes]:
    """The distinct packs in the order of their first use, and the number of each."""
    found: dict[PackNumber, int] = {}
    numbers = array("H", [_number(found, pack) for pack in packs])
    return list(found), _little_endian(numbers).tobytes()


def _number(found: dict[PackNumber, int], pack: PackNumber | None) -> int:
    if pack is None:
        raise ValueError("A chunk or page has no pack: it must be stored before it is listed.")
    return found.setdefault(pack, len(found))


def _packs(rows: bytes) -> list[PackNumber]:
    return [PackNumber(*row) for row in _PACK.iter_unpack(rows)]


def _little_endian(words: array[int]) -> array[int]:
    if sys.byteorder == "big":
        words.byteswap()
    return words


def add_needs(needs: dict[PackNumber, int], more: Mapping[PackNumber, int]) -> None:
    """Add what else is needed of packs."""
    for pack, size in more.items():
        needs[pack] = needs.get(pack, 0) + size


def drop_needs(needs: dict[PackNumber, int], less: Mapping[PackNumber, int]) -> None:
    """Take off what is not needed any more. Raises ``Damaged`` if it never was."""
    for pack, size in less.items():
        left = needs.get(pack, 0) - size
        ensure(left >= 0, "A point does not name the packs that its pages name.")
        if left:
            needs[pack] = left
        else:
            needs.pop(pack, None)
