"""Where entries are: what a look-up in the index answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from kyanite.engine.index_layout import open_place
from kyanite.engine.pack import PackRef


@dataclass(frozen=True, slots=True)
class IndexedPack:
    """A pack that a segment speaks of."""

    pack: PackRef
    size_bytes: int
    epoch: int


class Location(NamedTuple):
    """Where a chunk or page is: what must be known to read it, but for its whole id."""

    pack: PackRef
    epoch: int
    offset: int
    stored_length: int
    entry_type: int
    codec: int


def location_of(row: bytes, place: int) -> Location:
    """A location from the row of its pack and the place in it."""
    pack, epoch = _pack_of(row)
    return Location(pack, epoch, *open_place(place))


# Neighbours of a disk are in the same pack.
@lru_cache(maxsize=1024)
def _pack_of(row: bytes) -> tuple[PackRef, int]:
    return PackRef(row[:16], row[16:32]), int.from_bytes(row[36:40], "little")
