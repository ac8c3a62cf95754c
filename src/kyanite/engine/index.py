"""The index: all segments of a repository, read together, each as far as it is needed."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from kyanite.base.errors import Missing, ObjectMissing
from kyanite.engine.index_cache import IndexCache, cache_of
from kyanite.engine.index_encode import encode_small, pack_rows, rows_of
from kyanite.engine.index_layout import PACK_ROW, PREFIX_BYTES, IndexSizes
from kyanite.engine.index_location import IndexedPack, Location, location_of
from kyanite.engine.index_part import Hit
from kyanite.engine.index_segment import Segment
from kyanite.engine.index_shelf import Shelf
from kyanite.engine.pack import PackNumber, PackRef, PackTable
from kyanite.engine.storage.base import Storage

_Result = TypeVar("_Result")
_Rows = list[list[tuple[bytes, int]]]  # for each id: the row of the pack, the place in it

# A segment may be merged away while it is read; this often in a row means that something
# else is wrong.
_TRIES: Final = 5

# Records that a session puts into one segment: they are objects for a moment.
PUT_RECORDS: Final = 400_000

_NAME_BYTES: Final = 32  # of a pack in its row: session id and pack id
_NUMBER_BYTES: Final = 20  # of that: session id, and the ordinal that a pack id begins with

_MOST_HOMES: Final = 100_000  # some 15 MB


class _Unknown:
    """Nothing can be said without a read."""


_UNKNOWN: Final = _Unknown()


class Index:
    """Finds chunks and pages. Thread-safe.

    An id is found by its first 16 bytes; whoever reads the entry checks the whole.
    """

    def __init__(self, shelf: Shelf, without: frozenset[bytes] = frozenset()) -> None:
        self._shelf = shelf
        self._without = without
        self._known_homes: tuple[Sequence[Segment], Mapping[bytes, Segment]] | None = None

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments that are looked into, biggest first."""
        return self._shelf.segments

    @property
    def incomplete(self) -> Sequence[str]:
        """Segments of which an object is missing: their records are not used."""
        return self._shelf.incomplete

    def find(self, entry_id: bytes) -> Location | None:
        """A location, in no pack that was excluded or is known to be gone."""
        location = self._find_here(entry_id)
        return self.find_many([entry_id])[0] if isinstance(location, _Unknown) else location

    def find_many(self, entry_ids: Sequence[bytes]) -> list[Location | None]:
        """``find`` for each id, in order; the reads it takes are done together."""
        found: list[Location | None] = []
        unknown: list[int] = []
        for place, entry_id in enumerate(entry_ids):
            location = self._find_here(entry_id)
            if isinstance(location, _Unknown):
                unknown.append(place)
                location = None
            found.append(location)
        if unknown:
            read = self._retrying(partial(self._first, [entry_ids[n] for n in unknown]))
            for place, location in zip(unknown, read, strict=True):
                found[place] = location
        return found

    def find_all(self, entry_id: bytes) -> Iterator[Location]:
        """Every location, excluded packs included: readers may use what is still there.

        Packs that are known to be gone come last.
        """
        return iter(self.find_all_many([entry_id])[0])

    def find_all_many(self, entry_ids: Sequence[bytes]) -> list[list[Location]]:
        """``find_all`` for each id, in order; the reads it takes are done together."""
        return self._retrying(partial(self._every, entry_ids))

    def find_named_many(
        self, wanted: Sequence[tuple[bytes, PackNumber | None]]
    ) -> list[list[Location]]:
        """As ``find_all_many`` for ids with the pack where each should be; there, only that one.

        However many segments there are, one is looked into.
        """
        homes = self._homes()
        found: list[list[Location]] = []
        rest: list[int] = []
        for place, (entry_id, pack) in enumerate(wanted):
            named = b"" if pack is None else _number_in_row(pack)
            segment = homes.get(named)
            location = None if segment is None else self._find_in(segment, entry_id, named)
            if location is None:
                rest.append(place)
            found.append([] if location is None else [location])
        if rest:
            every = self.find_all_many([wanted[place][0] for place in rest])
            for place, locations in zip(rest, every, strict=True):
                found[place] = locations
        return found

    def _homes(self) -> Mapping[bytes, Segment]:
        """Which segment speaks of a pack, as far as that is here and not too much to hold."""
        segments = self._shelf.segments
        known = self._known_homes
        if known is not None and known[0] is segments:
            return known[1]
        homes: dict[bytes, Segment] = {}
        whole = [one for one in segments if one.is_whole]
        if sum(one.shape.packs for one in whole) <= _MOST_HOMES:
            for segment in whole:
                rows = segment.all_pack_rows()
                for at in range(0, len(rows), PACK_ROW.size):
                    homes[rows[at : at + _NUMBER_BYTES]] = segment
        self._known_homes = segments, homes
        return homes

    def _find_in(self, segment: Segment, entry_id: bytes, named: bytes) -> Location | None:
        """The entry in the pack with this number, if it is not gone."""
        head, prefix = int.from_bytes(entry_id[:8], "big"), entry_id[:PREFIX_BYTES]
        for number, at in segment.local_hits(head, prefix) or ():
            row = segment.local_pack(number)
            if row is None or row[:_NAME_BYTES] in self._shelf.gone:
                continue
            if row.startswith(named):
                return location_of(row, at)
        return None

    def excluding(self, packs: Iterable[PackNumber]) -> Index:
        """The same index, blind for ``packs``."""
        return Index(self._shelf, self._without | frozenset(map(_number_in_row, packs)))

    def packs(self) -> dict[PackRef, IndexedPack]:
        """Every pack that any segment speaks of; reads all their rows."""

        def read(segments: Sequence[Segment]) -> dict[PackRef, IndexedPack]:
            found: dict[PackRef, IndexedPack] = {}
            for segment in segments:
                for row in PACK_ROW.iter_unpack(segment.all_pack_rows()):
                    session_id, pack_id, size_bytes, epoch = row
                    pack = PackRef(session_id, pack_id)
                    found[pack] = IndexedPack(pack, size_bytes, epoch)
            return found

        return self._retrying(read)

    def _find_here(self, entry_id: bytes) -> Location | _Unknown | None:
        """The answer from what has been read already."""
        shelf = self._shelf
        head, prefix = int.from_bytes(entry_id[:8], "big"), entry_id[:PREFIX_BYTES]
        presence = shelf.presence
        segments = shelf.segments
        if presence is not None and not presence.may_have(head):
            segments = shelf.ranged
        for segment in segments:
            hits = segment.local_hits(head, prefix)
            if hits is None:
                return _UNKNOWN
            for number, place in hits:
                row = segment.local_pack(number)
                if row is None:
                    return _UNKNOWN
                if self._usable(row):
                    return location_of(row, place)
        return None

    def _usable(self, row: bytes) -> bool:
        name = row[:_NAME_BYTES]
        return name[:_NUMBER_BYTES] not in self._without and name not in self._shelf.gone

    def _first(
        self, entry_ids: Sequence[bytes], segments: Sequence[Segment]
    ) -> list[Location | None]:
        found: list[Location | None] = [None] * len(entry_ids)
        pending: Sequence[int] = range(len(entry_ids))
        for wave in _waves(segments):
            answers = self._read(wave, [entry_ids[n] for n in pending])
            for place, rows in zip(pending, answers, strict=True):
                found[place] = next(
                    (location_of(row, at) for row, at in rows if self._usable(row)), None
                )
            pending = [n for n in pending if found[n] is None]
            if not pending:
                break
        return found

    def _every(
        self, entry_ids: Sequence[bytes], segments: Sequence[Segment]
    ) -> list[list[Location]]:
        gone = self._shelf.gone
        return [
            [
                location_of(row, at)
                for row, at in (rows if len(rows) == 1 else _once_each(rows, gone))
            ]
            for rows in self._read(segments, entry_ids)
        ]

    def _read(self, segments: Sequence[Segment], entry_ids: Sequence[bytes]) -> _Rows:
        """Look into all ``segments``, with three rounds of reads at most."""
        run = self._shelf.run
        wanted = [(int.from_bytes(one[:8], "big"), one[:PREFIX_BYTES]) for one in entry_ids]
        heads = {head for head, _ in wanted}
        run([task for segment in segments for task in segment.table_tasks(heads)])
        found: list[dict[bytes, Sequence[Hit]]] = [{} for _ in segments]
        pairs = list(zip(segments, found, strict=True))
        run([task for segment, hits in pairs for task in segment.bucket_tasks(wanted, hits)])
        rows: list[dict[int, bytes]] = [{} for _ in segments]
        run(
            [
                task
                for (segment, hits), of_segment in zip(pairs, rows, strict=True)
                for task in segment.pack_tasks(
                    {number for some in hits.values() for number, _ in some}, of_segment
                )
            ]
        )
        places: dict[bytes, list[tuple[bytes, int]]] = {}
        for (_, hits), of_segment in zip(pairs, rows, strict=True):
            for prefix, some in hits.items():
                of_id = places.setdefault(prefix, [])
                of_id += [(of_segment[number], place) for number, place in some]
        return [places.get(prefix, []) for _, prefix in wanted]

    def _retrying(self, read: Callable[[Sequence[Segment]], _Result]) -> _Result:
        missing = ""
        for _ in range(_TRIES):
            segments = self._shelf.segments
            try:
                return read(segments)
            except ObjectMissing as error:
                missing = str(error)
                self._shelf.reload(segments)
        raise Missing(f"The index cannot be read: {missing} Make it anew with rebuild-index.")


def _once_each(
    rows: Iterable[tuple[bytes, int]], gone: Container[bytes]
) -> list[tuple[bytes, int]]:
    """While segments are merged, records exist twice. Packs that are gone come last."""
    return sorted(dict.fromkeys(rows), key=lambda one: one[0][:_NAME_BYTES] in gone)


def _waves(segments: Sequence[Segment]) -> Iterator[Sequence[Segment]]:
    """What is here, then the biggest segment, which has most, then the others together."""
    here = [segment for segment in segments if segment.is_whole]
    others = [segment for segment in segments if not segment.is_whole]
    for wave in (here, others[:1], others[1:]):
        if wave:
            yield wave


def _number_in_row(pack: PackNumber) -> bytes:
    return pack.session_id + pack.ordinal.to_bytes(4, "little")


def load_index(
    storage: Storage,
    maintenance_key: bytes,
    repository_id: bytes,
    cache: IndexCache | None = None,
    limits: IndexSizes | None = None,
) -> Index:
    """Open the index, cached where the process keeps caches.

    Raises ``Damaged``, and ``Missing`` if a segment cannot be read.
    """
    cache = cache or cache_of(repository_id)
    return Index(Shelf(storage, maintenance_key, repository_id, cache, limits=limits))


def put_index(
    storage: Storage, packs: Sequence[PackTable], maintenance_key: bytes, repository_id: bytes
) -> None:
    """Index whole packs that are durable."""
    group: list[PackTable] = []
    records = 0
    for table in packs:
        if group and records + len(table) > PUT_RECORDS:
            put_segment(storage, group, maintenance_key, repository_id)
            group, records = [], 0
        group.append(table)
        records += len(table)
    if group:
        put_segment(storage, group, maintenance_key, repository_id)


def put_segment(
    storage: Storage, packs: Sequence[PackTable], maintenance_key: bytes, repository_id: bytes
) -> None:
    """Store one segment of one part, under a fresh name."""
    name, body = encode_small(pack_rows(packs), b"", rows_of(packs), maintenance_key, repository_id)
    storage.put(name, body)
