"""Which packs the chunks of a point are in: those that its lists name, or every copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kyanite.engine.index import Index
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.pages import Entry


def packs_with_copies(index: Index, lists: Iterable[Sequence[Entry]]) -> dict[PackRef, int]:
    """Every pack that has one of the chunks, and the epoch of its key."""
    return {
        location.pack: location.epoch
        for entries in lists
        for found in index.find_all_many([one.chunk_id for one in entries if one.chunk_id])
        for location in found
    }


def named_packs(index: Index, lists: Iterable[Sequence[Entry]]) -> dict[PackRef, int]:
    """The packs that the lists name; where one of them is not known any more, every copy.

    One look-up for each pack, not for each chunk.
    """
    packs: dict[PackRef, int] = {}
    known: set[PackNumber] = set()
    for entries in lists:
        by_pack: dict[PackNumber | None, list[Entry]] = {}
        for one in entries:
            if one.chunk_id is not None and one.pack not in known:
                by_pack.setdefault(one.pack, []).append(one)
        firsts = [of_pack[0].chunk_id or b"" for of_pack in by_pack.values()]
        for (number, of_pack), found in zip(
            by_pack.items(), index.find_all_many(firsts), strict=True
        ):
            named = {
                location.pack: location.epoch
                for location in found
                if location.pack.number == number
            }
            if number is not None and named:
                known.add(number)
                packs |= named
            else:
                packs |= packs_with_copies(index, [of_pack])
    return packs
