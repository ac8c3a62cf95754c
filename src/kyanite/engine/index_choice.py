"""Which segments of an index to merge, by their sizes alone. Asked after every backup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kyanite.engine.format import INDEX_PREFIX
from kyanite.engine.index_layout import IndexSizes, object_of
from kyanite.engine.storage.base import ObjectInfo, Storage

MOST_SMALL_SEGMENTS: Final = 8

# Each bigger segment is at least so many times as big as all smaller ones together: few
# segments to look into, and each record is rewritten a few times in its life.
_TIER_FACTOR: Final = 16

_MOST_MERGED_AT_ONCE: Final = 64


def is_long(storage: Storage, limits: IndexSizes | None = None) -> bool:
    """Whether ``tidy_index`` would merge, by one listing: to be asked after every backup."""
    sizes = segment_sizes(list(storage.list(INDEX_PREFIX)))
    return choose(sizes, (limits or IndexSizes()).whole_bytes) > 0


def choose(sizes: Sequence[int], small_bytes: int) -> int:
    """How many of the smallest segments to merge; ``sizes`` rise."""
    small = sum(1 for size in sizes if size <= small_bytes)
    count = small if small > MOST_SMALL_SEGMENTS else 0
    below = sum(sizes[:count])
    for number in range(small, len(sizes)):
        if below and sizes[number] < _TIER_FACTOR * below:
            count = number + 1
        below += sizes[number]
    return min(count, _MOST_MERGED_AT_ONCE) if count > small else count


def segment_sizes(listed: Sequence[ObjectInfo]) -> list[int]:
    """Bytes of each segment, its parts included; they rise."""
    sizes = {info.name: 0 for info in listed if object_of(info.name) == (info.name, None)}
    for info in listed:
        found = object_of(info.name)
        if found is not None and found[0] in sizes:
            sizes[found[0]] += info.size_bytes
    return sorted(sizes.values())
