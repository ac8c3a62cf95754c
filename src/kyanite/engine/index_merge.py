"""Keeps the index short: merges small segments, leaves out packs that go or are gone.

The new segment is put first, the replaced ones are deleted then; between the two, records
exist twice, which harms nobody (docs/format/order.md, "Index merges").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from kyanite.base.units import MIB
from kyanite.engine.condemned import pack_of_name
from kyanite.engine.format import PACKS_PREFIX
from kyanite.engine.index import LoadedSegment, load_index, put_segment
from kyanite.engine.index_segment import merge_segments
from kyanite.engine.pack import PackRef
from kyanite.engine.storage.base import Storage

MOST_SMALL_SEGMENTS: Final = 8
SMALL_BYTES: Final = 8 * MIB

# A merged segment stays well below the largest that readers accept.
_MERGED_BYTES: Final = 64 * MIB


def tidy_index(
    storage: Storage,
    maintenance_key: bytes,
    repository_id: bytes,
    doomed: Collection[PackRef],
) -> bool:
    """Merge if there are too many small segments, or if any speaks of packs that go or are gone.

    The index is read before the packs are listed: a pack is durable before a segment names
    it, so one that a segment names and the later listing lacks has been deleted.
    Returns whether anything was written.
    """
    index = load_index(storage, maintenance_key, repository_id)
    listed = {pack_of_name(info.name) for info in storage.list(PACKS_PREFIX)}
    keep = {pack for pack in listed if pack is not None and pack not in doomed}
    stale = [one for one in index.loaded if any(p.pack not in keep for p in one.segment.packs)]
    small = [one for one in index.loaded if one.info.size_bytes < SMALL_BYTES]
    merged = {one.info.name: one for one in stale}
    if len(small) > MOST_SMALL_SEGMENTS:
        merged |= {one.info.name: one for one in small}
    for group in _groups(list(merged.values())):
        body = merge_segments([one.segment for one in group], keep)
        if body is not None:
            put_segment(storage, body, maintenance_key, repository_id)
        for one in group:
            storage.delete(one.info.name)
    return bool(merged)


def _groups(segments: Sequence[LoadedSegment]) -> Iterator[list[LoadedSegment]]:
    group: list[LoadedSegment] = []
    size = 0
    for one in segments:
        if group and size + one.info.size_bytes > _MERGED_BYTES:
            yield group
            group, size = [], 0
        group.append(one)
        size += one.info.size_bytes
    if group:
        yield group
