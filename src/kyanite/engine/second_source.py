"""A second repository as the source of lost chunks: the same machines, under other keys.

Its chunks have other names and other borders, so bytes are taken from the same place of a
disk of the same machine, and count if our own name for them is the one that is looked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from blake3 import blake3

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.engine.copies import open_copies
from kyanite.engine.point import Point
from kyanite.engine.point_walk import Place
from kyanite.engine.random_reader import RandomReader, ReadAhead
from kyanite.engine.repository import Repository

_READERS: Final = 8
_MOST_TRIES: Final = 64
_LIMITS: Final = ReadAhead(ahead_bytes=0, threads=1)


class SecondSource:
    """Looks for chunks in another repository. Use as a context."""

    def __init__(self, repository: Repository, id_key: bytes) -> None:
        """``id_key``: that of the repository whose chunks are looked for."""
        self._repository = repository
        self._id_key = id_key
        keys = repository.read_keys
        self._copies = open_copies(repository.storage, keys.maintenance_key, keys.repository_id)
        self._machines: dict[str, list[Point]] = {}
        for point in repository.points(lambda _, __: None):
            self._machines.setdefault(point.machine_id, []).append(point)
        self._readers: OrderedDict[tuple[str, str], RandomReader] = OrderedDict()

    def __enter__(self) -> SecondSource:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        for reader in self._readers.values():
            reader.close()

    def find(self, chunk_id: bytes, places: list[tuple[Point, Place]]) -> bytes | None:
        """The bytes of a chunk that is needed at ``places``."""
        tries = 0
        for point, place in places:
            for other in self.alike(point):
                tries += 1
                if tries > _MOST_TRIES:
                    return None
                data = self.read(other, place.disk_id, place.offset, place.length)
                if data is not None and blake3(data, key=self._id_key).digest() == chunk_id:
                    return data
        return None

    def alike(self, point: Point) -> Iterator[Point]:
        """Points of the same machine: copies of this very point first, then the newest."""
        found = self._machines.get(point.machine_id, [])
        yield from (one for one in found if one.created_at == point.created_at)
        yield from (one for one in reversed(found) if one.created_at != point.created_at)

    def read(self, point: Point, disk_id: str, offset: int, length: int) -> bytes | None:
        """A range of a disk of one of its points; ``None``: it cannot be had whole."""
        disk = point.disk(disk_id)
        if disk is None or offset + length > disk.size_bytes:
            return None
        key = (point.session_id, disk.disk_id)
        reader = self._readers.pop(key, None) or RandomReader(
            self._repository.storage, self._repository.read_keys, self._copies, disk, _LIMITS
        )
        self._readers[key] = reader
        if len(self._readers) > _READERS:
            self._readers.popitem(last=False)[1].close()
        try:
            return reader.read(offset, length)
        except (EngineError, ObjectMissing):
            return None
