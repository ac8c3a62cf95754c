"""Which packs the chunks of a point are in: those that its lists name, or every copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kyanite.engine.index import Index
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.pages import Entry


def packs_with_copies(index: Index, lists: Iterable[Sequence[Entry]]) -> dict[PackRef, int]:
    """Every pack that has one of the chunks, and the epoch of its key."""
    packs: dict[PackRef, int] = {}
    for entries in lists:
        packs |= _of_all(index, [one.chunk_id for one in entries if one.chunk_id is not None])
    return packs


def named_packs(index: Index, lists: Iterable[Sequence[Entry]]) -> dict[PackRef, int]:
    """The packs that the lists name; where one of them is not known any more, every copy.

    One look-up for each pack, not for each chunk.
    """
    packs: dict[PackRef, int] = {}
    known: set[PackNumber] = set()
    for entries in lists:
        by_pack: dict[PackNumber | None, list[bytes]] = {}
        for one in entries:
            if one.chunk_id is not None and one.pack not in known:
                by_pack.setdefault(one.pack, []).append(one.chunk_id)
        firsts = index.find_all_many([chunk_ids[0] for chunk_ids in by_pack.values()])
        for (number, chunk_ids), found in zip(by_pack.items(), firsts, strict=True):
            named = {
                location.pack: location.epoch
                for location in found
                if location.pack.number == number
            }
            if number is not None and named:
                known.add(number)
                packs |= named
            else:
                packs |= _of_all(index, chunk_ids)
    return packs


def _of_all(index: Index, chunk_ids: Sequence[bytes]) -> dict[PackRef, int]:
    return {
        location.pack: location.epoch
        for found in index.find_all_many(chunk_ids)
        for location in found
    }
