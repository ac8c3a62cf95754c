"""The segments of a repository, opened: listed, and listed again when one was merged away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from kyanite.base.errors import Damaged, EngineError, Missing, ObjectMissing
from kyanite.base.units import KIB
from kyanite.engine.format import INDEX_PREFIX, ensure
from kyanite.engine.index_cache import IndexCache
from kyanite.engine.index_layout import HEADER, IndexSizes, SegmentSeal, object_of, read_header
from kyanite.engine.index_memory import PieceMemory
from kyanite.engine.index_presence import Presence
from kyanite.engine.index_segment import Segment
from kyanite.engine.listing import listed
from kyanite.engine.storage.base import Storage

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# The first read of a big segment: its header, and the directory of any usual one.
_FIRST_BYTES: Final = 64 * KIB

# Small reads over a network wait most of the time.
_READS_AT_ONCE: Final = 64

# So many segments in memory are asked through one table of bits.
_WORTH_A_PRESENCE: Final = 3

_TRIES: Final = 5
_TRIES_FOR_A_PART: Final = 2


class Shelf:
    """All segments; ``on_damage`` takes those that cannot be opened, else that is raised."""

    def __init__(
        self,
        storage: Storage,
        maintenance_key: bytes,
        repository_id: bytes,
        cache: IndexCache | None = None,
        on_damage: Callable[[str, EngineError], None] | None = None,
        limits: IndexSizes | None = None,
    ) -> None:
        self._storage = storage
        self._maintenance_key = maintenance_key
        self._repository_id = repository_id
        self._cache = cache
        self._on_damage = on_damage
        self._limits = limits or IndexSizes()
        self._memory = PieceMemory()
        self._lock = threading.RLock()
        self._pool: ThreadPoolExecutor | None = None
        self.segments: tuple[Segment, ...] = ()
        self.incomplete: tuple[str, ...] = ()
        self.gone: frozenset[bytes] = frozenset()
        self.ranged: tuple[Segment, ...] = ()
        self.whole: tuple[Segment, ...] = ()
        self.presence: Presence | None = None
        self._load()

    def reload(self, seen: Sequence[Segment]) -> None:
        """List again, unless another thread has since ``seen`` was current."""
        with self._lock:
            if self.segments is seen:
                self._load()

    def run(self, tasks: Sequence[Callable[[], object]]) -> None:
        """Run reads at the same time; the first failure is raised."""
        if len(tasks) < 2:
            for task in tasks:
                task()
            return
        if self._pool is None:
            with self._lock:
                if self._pool is None:
                    from concurrent.futures import ThreadPoolExecutor  # by big indexes only

                    self._pool = ThreadPoolExecutor(_READS_AT_ONCE, "kyanite-index")
        rest = iter(tasks)  # shared: whoever is free takes the next

        def work() -> None:
            for task in rest:
                task()

        crew = [self._pool.submit(work) for _ in range(min(_READS_AT_ONCE, len(tasks)))]
        for member in crew:
            member.result()

    def _load(self) -> None:
        missing = ""
        for attempt in range(_TRIES):
            sizes = {info.name: info.size_bytes for info in listed(self._storage, INDEX_PREFIX)}
            heads = [name for name in sizes if object_of(name) == (name, None)]
            known = {segment.name: segment for segment in self.segments}
            new = [name for name in heads if name not in known]
            try:
                self.run([partial(self._open_into, known, name, sizes[name]) for name in new])
            except ObjectMissing as error:
                missing = str(error)  # merged away since the listing
                continue
            segments = [known[name] for name in heads if name in known]
            incomplete = [one.name for one in segments if not self._is_there(one, sizes)]
            if incomplete and attempt < _TRIES_FOR_A_PART:
                continue  # perhaps it is being deleted, the head first
            self.segments = tuple(
                sorted(
                    (one for one in segments if one.name not in incomplete),
                    key=lambda one: one.records,
                    reverse=True,
                )
            )
            self.incomplete = tuple(incomplete)
            self.gone = frozenset().union(*(one.gone for one in self.segments))
            self.presence = None  # says nothing while the tuples change
            self.ranged = tuple(one for one in self.segments if not one.is_whole)
            self.whole = tuple(one for one in self.segments if one.is_whole)
            if len(self.whole) >= _WORTH_A_PRESENCE:
                self.presence = Presence(one.records_between(0, 1 << 64) for one in self.whole)
            if self._cache is not None:
                self._cache.keep_only(sizes)
            return
        raise Missing(f"The index cannot be read: {missing} Make it anew with rebuild-index.")

    def _open_into(self, opened: dict[str, Segment], name: str, size_bytes: int) -> None:
        try:
            opened[name] = open_segment(
                self._storage,
                name,
                size_bytes,
                self._maintenance_key,
                self._repository_id,
                self._memory,
                self._cache,
                whole=size_bytes <= self._limits.whole_bytes,
            )
        except EngineError as error:
            if self._on_damage is None or isinstance(error, ObjectMissing):
                raise
            self._on_damage(name, error)

    def _is_there(self, segment: Segment, sizes: Mapping[str, int]) -> bool:
        """Whether every object of the segment is listed. Raises ``Damaged`` for wrong sizes."""
        there = True
        for name, size_bytes in segment.object_sizes().items():
            if name not in sizes:
                there = False
            elif sizes[name] != size_bytes:
                error = Damaged(f"{name} has {sizes[name]} bytes and should have {size_bytes}.")
                if self._on_damage is None:
                    raise error
                self._on_damage(name, error)
                there = False
        return there


def open_segment(
    storage: Storage,
    name: str,
    size_bytes: int,
    maintenance_key: bytes,
    repository_id: bytes,
    memory: PieceMemory,
    cache: IndexCache | None,
    *,
    whole: bool,
) -> Segment:
    """A segment, read whole, or header and directory of it.

    Raises ``Damaged``, ``ObjectMissing``.
    """
    if whole:
        kept = cache.whole(name) if cache is not None else None
        if kept is not None and len(kept) == size_bytes:
            try:
                return _take(storage, kept, name, maintenance_key, repository_id, memory, cache)
            except EngineError:
                pass  # the cache is worth nothing; what the storage has counts
        data = storage.get(name)
        segment = _take(storage, data, name, maintenance_key, repository_id, memory, cache)
        if cache is not None:
            cache.keep_whole(name, data)
        return segment
    data = storage.get_range(name, 0, _FIRST_BYTES)
    shape = read_header(name, data, repository_id)
    end = HEADER.size + shape.directory_bytes
    if end > len(data):
        data = storage.get_range(name, 0, end)
    seal = SegmentSeal(name, shape.header, maintenance_key)
    directory = seal.open(seal.number(seal.DIRECTORY, 0, 0), data[HEADER.size : end])
    return Segment(storage, shape, seal, directory, memory, cache)


def _take(
    storage: Storage,
    data: bytes,
    name: str,
    maintenance_key: bytes,
    repository_id: bytes,
    memory: PieceMemory,
    cache: IndexCache | None,
) -> Segment:
    shape = read_header(name, data, repository_id)
    seal = SegmentSeal(name, shape.header, maintenance_key)
    end = HEADER.size + shape.directory_bytes
    directory = seal.open(seal.number(seal.DIRECTORY, 0, 0), data[HEADER.size : end])
    parts_cache = cache if shape.part_bits else None
    segment = Segment(storage, shape, seal, directory, memory, parts_cache)
    if shape.part_bits == 0:
        ensure(len(data) == segment.head_bytes, f"{name} is damaged: it has a wrong size.")
        segment.take_whole(data)
    return segment
