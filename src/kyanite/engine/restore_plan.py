"""Planning a restore by pack: few reads, each of neighbouring chunks. Pure decisions, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeAlias

from kyanite.base.units import KIB
from kyanite.engine.index_location import Location
from kyanite.engine.pack import PackRef
from kyanite.engine.ranges import ByteRange
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
    """One read from a pack: wanted chunks in their order.

    ``ranges``: what of the pack is read; what lies between them is skipped.
    """

    pack: PackRef
    wanted: tuple[Wanted, ...]
    ranges: tuple[ByteRange, ...]

    @property
    def offset(self) -> int:
        return self.ranges[0].offset

    @property
    def length(self) -> int:
        """From the first byte to the last, with what is skipped."""
        return self.ranges[-1].end - self.offset

    @property
    def read_bytes(self) -> int:
        """Without what is skipped."""
        return sum(one.length for one in self.ranges)


PackWants: TypeAlias = tuple[PackRef, Sequence[Wanted]]
"""A pack and what is wanted of it, in any order; the same chunk may stand there twice."""


def fetches(wanted: Iterable[Wanted], fetch_bytes: int) -> list[Fetch]:
    """Chunks as few reads, pack by pack; what is wanted twice is read once.

    A read has about ``fetch_bytes`` at most: up to a chunk more, so that a pack of twice
    that size takes two reads and not three.
    """
    packs: dict[PackRef, list[Wanted]] = {}
    for one in wanted:
        packs.setdefault(one.location.pack, []).append(one)
    return [
        _fetch(pack, part)
        for pack, of_pack in packs.items()
        for run in _runs(_in_order(of_pack))
        for part in _parts(run, -(-_stored_bytes(run) // fetch_bytes))
    ]


def paced_fetches(packs: Iterable[PackWants], pacing: ReadPacing) -> Iterator[Fetch]:
    """As ``fetches``, for packs of a whole restore."""
    for pack, wanted in packs:
        runs = list(_runs(_in_order(wanted)))
        gaps = [_gap(one[-1], other[0]) for one, other in pairwise(runs)]
        widest_gap = pacing.new_pack(sum(map(_stored_bytes, runs)), gaps)
        for run in _joined(runs, widest_gap):
            plain_bytes = sum(one.length * len(one.places) for one in run)
            for part in _parts(run, pacing.reads_for(_stored_bytes(run), plain_bytes)):
                yield _fetch(pack, part, skipping=pacing.skips_gaps)


def in_batches(fetches: Iterable[Fetch], least_bytes: int) -> Iterator[list[Fetch]]:
    """Reads that are made one after the other: as many as bring ``least_bytes``, one at least."""
    batch: list[Fetch] = []
    size_bytes = 0
    for fetch in fetches:
        batch.append(fetch)
        size_bytes += fetch.read_bytes
        if size_bytes >= least_bytes:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _fetch(pack: PackRef, wanted: tuple[Wanted, ...], *, skipping: bool = False) -> Fetch:
    runs: Iterable[Sequence[Wanted]] = _runs(wanted) if skipping else [wanted]
    ranges = [ByteRange(run[0].location.offset, _stored_bytes(run)) for run in runs]
    return Fetch(pack, wanted, tuple(ranges))


def _in_order(wanted: Iterable[Wanted]) -> list[Wanted]:
    """By their place in the pack, each once."""
    entries: dict[int, Wanted] = {}
    for one in wanted:
        found = entries.setdefault(one.location.offset, one)
        if found is not one:
            found.places.extend(one.places)
    return [entries[offset] for offset in sorted(entries)]


def _runs(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Neighbours, with no more between them than is worth reading along."""
    run: list[Wanted] = []
    end = 0
    for one in wanted:
        if run and one.location.offset - end > _JOINED_GAP_BYTES:
            yield run
            run = []
        run.append(one)
        end = _end(one)
    if run:
        yield run


def _joined(runs: Iterable[list[Wanted]], widest_gap: int) -> Iterator[list[Wanted]]:
    """Runs with no more between them than that as one."""
    joined: list[Wanted] = []
    for run in runs:
        if joined and _gap(joined[-1], run[0]) > widest_gap:
            yield joined
            joined = []
        joined += run
    if joined:
        yield joined


def _parts(run: Sequence[Wanted], count: int) -> Iterator[tuple[Wanted, ...]]:
    """A run in so many parts, all about as long."""
    if count == 1:
        yield tuple(run)
        return
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


def _gap(one: Wanted, following: Wanted) -> int:
    return following.location.offset - _end(one)


def _end(one: Wanted) -> int:
    return one.location.offset + one.location.stored_length
