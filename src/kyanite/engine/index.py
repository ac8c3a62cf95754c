"""The index: all segments of a repository, read together."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.base.errors import Missing, ObjectMissing
from kyanite.engine.format import INDEX_PREFIX, Kind
from kyanite.engine.index_segment import (
    IndexedPack,
    Location,
    Segment,
    decode_segment,
    encode_segment,
)
from kyanite.engine.pack import PackRef, PackTable
from kyanite.engine.sealed_object import seal, unseal
from kyanite.engine.storage.base import ObjectInfo, Storage
from kyanite.engine.threads import parallel_map

# A segment may be merged away between the listing and the read; this often in a row means
# that something else is wrong.
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class LoadedSegment:
    """A segment with the object it was read from."""

    info: ObjectInfo
    segment: Segment


class Index:
    """Finds chunks and pages in the segments read by ``load_index``."""

    def __init__(self, loaded: list[LoadedSegment]) -> None:
        self.loaded = tuple(loaded)
        self._segments: list[tuple[Segment, frozenset[int]]] = [
            (one.segment, frozenset())
            for one in sorted(loaded, key=lambda one: len(one.segment), reverse=True)
        ]

    def find(self, entry_id: bytes) -> Location | None:
        """A location, in no pack that was excluded."""
        for segment, without in self._segments:
            location = segment.find(entry_id, without)
            if location is not None:
                return location
        return None

    def find_many(self, entry_ids: Sequence[bytes]) -> list[Location | None]:
        """``find`` for each id, in order; the reads it takes are done together."""
        return [self.find(entry_id) for entry_id in entry_ids]

    def find_all_many(self, entry_ids: Sequence[bytes]) -> list[list[Location]]:
        """``find_all`` for each id, in order; the reads it takes are done together."""
        return [list(self.find_all(entry_id)) for entry_id in entry_ids]

    def find_all(self, entry_id: bytes) -> Iterator[Location]:
        """Every location, excluded packs included: readers may use what is still there."""
        for segment, _ in self._segments:
            yield from segment.find_all(entry_id)

    def excluding(self, packs: Container[PackRef]) -> Index:
        """The same index, blind for ``packs`` (given names or names of condemned packs)."""
        other = Index(list(self.loaded))
        other._segments = [
            (
                segment,
                without | {n for n, p in enumerate(segment.packs) if p.pack in packs},
            )
            for segment, without in self._segments
        ]
        return other

    def packs(self) -> dict[PackRef, IndexedPack]:
        """Every pack that any segment speaks of."""
        return {p.pack: p for segment, _ in self._segments for p in segment.packs}


def load_index(storage: Storage, maintenance_key: bytes, repository_id: bytes) -> Index:
    """Read all segments. Raises ``Damaged``, and ``Missing`` if one cannot be read."""

    def load(info: ObjectInfo) -> LoadedSegment:
        data = storage.get(info.name)
        body = unseal(Kind.SEGMENT, info.name, data, maintenance_key, repository_id)
        return LoadedSegment(info, decode_segment(info.name, body))

    missing = ""
    for _ in range(_TRIES):
        try:
            return Index(parallel_map(load, storage.list(INDEX_PREFIX)))
        except ObjectMissing as error:
            missing = str(error)
    raise Missing(f"The index cannot be read: {missing} Make it anew with rebuild-index.")


def put_index(
    storage: Storage, packs: Sequence[PackTable], maintenance_key: bytes, repository_id: bytes
) -> None:
    """Index whole packs that are durable."""
    put_segment(storage, encode_segment(packs), maintenance_key, repository_id)


def put_segment(storage: Storage, body: bytes, maintenance_key: bytes, repository_id: bytes) -> str:
    """Store a segment under a fresh name, which is returned."""
    name = f"{INDEX_PREFIX}{os.urandom(16).hex()}"
    storage.put(name, seal(Kind.SEGMENT, name, body, maintenance_key, repository_id))
    return name
