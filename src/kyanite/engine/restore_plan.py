"""Planning a restore by pack: few reads, each of neighbouring chunks. Pure decisions, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from kyanite.base.units import KIB
from kyanite.engine.index_location import Location
from kyanite.engine.pack import PackRef

# One read costs more than fetching so many bytes that nobody wants.
_JOINED_GAP_BYTES: Final = 256 * KIB

# A read of well compressed chunks must not swell beyond so many times its size in memory.
_MOST_SWELLING: Final = 3


@dataclass(slots=True)
class Wanted:
    """A chunk and the places of the disk where it belongs."""

    chunk_id: bytes
    length: int
    location: Location
    places: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fetch:
    """One read from a pack: neighbouring wanted chunks."""

    pack: PackRef
    wanted: tuple[Wanted, ...]

    @property
    def offset(self) -> int:
        return self.wanted[0].location.offset

    @property
    def length(self) -> int:
        last = self.wanted[-1].location
        return last.offset + last.stored_length - self.offset


def fetches(wanted: Iterable[Wanted], fetch_bytes: int) -> list[Fetch]:
    """Chunks as few reads, pack by pack; what is wanted twice is read once."""
    packs: dict[PackRef, dict[int, Wanted]] = {}
    for one in wanted:
        entries = packs.setdefault(one.location.pack, {})
        found = entries.setdefault(one.location.offset, one)
        if found is not one:
            found.places.extend(one.places)
    result: list[Fetch] = []
    for pack, entries in packs.items():
        run: list[Wanted] = []
        plain_bytes = 0
        for one in sorted(entries.values(), key=lambda one: one.location.offset):
            here = one.location
            if run:
                last = run[-1].location
                gap = here.offset - (last.offset + last.stored_length)
                length = here.offset + here.stored_length - run[0].location.offset
                if (
                    gap > _JOINED_GAP_BYTES
                    or length > fetch_bytes
                    or plain_bytes > _MOST_SWELLING * fetch_bytes
                ):
                    result.append(Fetch(pack, tuple(run)))
                    run, plain_bytes = [], 0
            run.append(one)
            plain_bytes += one.length
        result.append(Fetch(pack, tuple(run)))
    return result
