"""Planning a restore by pack: few reads, each of neighbouring chunks. Pure decisions, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from kyanite.base.units import KIB
from kyanite.engine.index_segment import Location
from kyanite.engine.pack import PackEntry, PackRef

# One read costs more than fetching so many bytes that nobody wants.
_JOINED_GAP_BYTES: Final = 256 * KIB

# A read of well compressed chunks must not swell beyond so many times its size in memory.
_MOST_SWELLING: Final = 3


@dataclass(slots=True)
class Wanted:
    """A chunk and the places of the disk where it belongs."""

    entry: PackEntry
    places: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fetch:
    """One read from a pack: neighbouring wanted chunks."""

    pack: PackRef
    wanted: tuple[Wanted, ...]

    @property
    def offset(self) -> int:
        return self.wanted[0].entry.offset

    @property
    def length(self) -> int:
        last = self.wanted[-1].entry
        return last.offset + last.stored_length - self.offset


def fetches(wanted: Iterable[tuple[Location, int]], fetch_bytes: int) -> list[Fetch]:
    """Chunks (where they are, where they belong) as few reads, pack by pack."""
    packs: dict[PackRef, dict[int, Wanted]] = {}
    for location, place in wanted:
        entries = packs.setdefault(location.pack, {})
        found = entries.get(location.entry.number)
        if found is None:
            found = entries[location.entry.number] = Wanted(location.entry)
        found.places.append(place)
    result: list[Fetch] = []
    for pack, entries in packs.items():
        run: list[Wanted] = []
        plain_bytes = 0
        for one in sorted(entries.values(), key=lambda one: one.entry.offset):
            entry = one.entry
            if run:
                last = run[-1].entry
                gap = entry.offset - (last.offset + last.stored_length)
                length = entry.offset + entry.stored_length - run[0].entry.offset
                if (
                    gap > _JOINED_GAP_BYTES
                    or length > fetch_bytes
                    or plain_bytes > _MOST_SWELLING * fetch_bytes
                ):
                    result.append(Fetch(pack, tuple(run)))
                    run, plain_bytes = [], 0
            run.append(one)
            plain_bytes += entry.plain_length
        result.append(Fetch(pack, tuple(run)))
    return result
