"""Planning a restore by pack: few reads, each of neighbouring chunks. Pure decisions, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from kyanite.base.units import KIB
from kyanite.engine.index_location import Location
from kyanite.engine.pack import PackRef
from kyanite.engine.read_pacing import ReadPacing

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
    return [
        Fetch(pack, part)
        for pack, runs in _by_pack(wanted)
        for run in runs
        for part in _parts(run, -(-_stored_bytes(run) // fetch_bytes))
    ]


def paced_fetches(wanted: Iterable[Wanted], pacing: ReadPacing) -> Iterator[Fetch]:
    """As ``fetches``, for a part of a whole restore."""
    for pack, runs in _by_pack(wanted):
        pacing.new_pack()
        for run in runs:
            plain_bytes = sum(one.length * len(one.places) for one in run)
            for part in _parts(run, pacing.reads_for(_stored_bytes(run), plain_bytes)):
                yield Fetch(pack, part)


def _by_pack(wanted: Iterable[Wanted]) -> list[tuple[PackRef, list[list[Wanted]]]]:
    """Packs as they come first, each with its runs of neighbours."""
    packs: dict[PackRef, dict[int, Wanted]] = {}
    for one in wanted:
        entries = packs.setdefault(one.location.pack, {})
        found = entries.setdefault(one.location.offset, one)
        if found is not one:
            found.places.extend(one.places)
    return [
        (pack, list(_runs(sorted(entries.values(), key=lambda one: one.location.offset))))
        for pack, entries in packs.items()
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


def _parts(run: Sequence[Wanted], count: int) -> Iterator[tuple[Wanted, ...]]:
    """A run in so many parts, all about as long."""
    start = run[0].location.offset
    length = _stored_bytes(run)
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


def _stored_bytes(run: Sequence[Wanted]) -> int:
    return _end(run[-1]) - run[0].location.offset


def _end(one: Wanted) -> int:
    return one.location.offset + one.location.stored_length
