"""Planning a restore by pack: few reads, each of neighbouring chunks. Pure decisions, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from kyanite.base.units import KIB
from kyanite.engine.index_location import Location
from kyanite.engine.pack import PackRef

# One read costs more than fetching so many bytes that nobody wants.
_JOINED_GAP_BYTES: Final = 128 * KIB


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
    """Chunks as few reads, pack by pack; what is wanted twice is read once.

    A read has about ``fetch_bytes`` at most: up to a chunk more, so that a pack of twice
    that size takes two reads and not three.
    """
    packs: dict[PackRef, dict[int, Wanted]] = {}
    for one in wanted:
        entries = packs.setdefault(one.location.pack, {})
        found = entries.setdefault(one.location.offset, one)
        if found is not one:
            found.places.extend(one.places)
    return [
        Fetch(pack, part)
        for pack, entries in packs.items()
        for run in _runs(sorted(entries.values(), key=lambda one: one.location.offset))
        for part in _parts(run, fetch_bytes)
    ]


def _runs(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Neighbours, with no more between them than is worth reading along."""
    run: list[Wanted] = []
    for one in wanted:
        if run and one.location.offset - _end(run[-1]) > _JOINED_GAP_BYTES:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _parts(run: Sequence[Wanted], fetch_bytes: int) -> Iterator[tuple[Wanted, ...]]:
    """A run in as few parts as it takes, all about as long."""
    start = run[0].location.offset
    length = _end(run[-1]) - start
    count = -(-length // fetch_bytes)
    part: list[Wanted] = []
    number = 1
    for one in run:
        part.append(one)
        if _end(one) - start >= length * number // count:
            yield tuple(part)
            part = []
            number = (_end(one) - start) * count // length + 1
    if part:
        yield tuple(part)


def _end(one: Wanted) -> int:
    return one.location.offset + one.location.stored_length
