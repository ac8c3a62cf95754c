"""What an increment must take from the source although it did not change there.

What the parent point has in a pack that is noted as damaged is read again: the new point
names good copies, and whatever is unchanged heals the older points too, since they find a
chunk by its name wherever it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kyanite.base.errors import EngineError, Missing
from kyanite.engine.disk_input import DiskInput, StreamInput
from kyanite.engine.pack_set import PackSet
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point, PointDisk
from kyanite.engine.ranges import ByteRange, RangeList


def with_holes(
    disk: DiskInput | StreamInput, parent: Point | None, reader: PageReader, unusable: PackSet
) -> DiskInput | StreamInput:
    """``disk`` with its changes widened. Raises ``Missing`` if the parent cannot be used."""
    if isinstance(disk, StreamInput):
        return disk  # always taken whole
    before = parent.disk(disk.disk_id) if parent else None
    if before is None or disk.changes is None:
        return disk
    if not any(number in unusable for number in before.needs):
        return disk
    try:
        hurt = RangeList(_hurt(before, reader, unusable))
    except EngineError as error:
        raise Missing(f"The parent point is damaged ({error}); back up in full.") from error
    return replace(disk, changes=disk.changes.union(hurt.clip(disk.size_bytes)))


def _hurt(disk: PointDisk, reader: PageReader, unusable: PackSet) -> Iterator[ByteRange]:
    for span, entries in reader.spans(disk):
        at = span.offset
        rewrite_page = span.leaf.pack in unusable
        for entry in entries:
            if entry.pack is not None and (rewrite_page or entry.pack in unusable):
                yield ByteRange(at, entry.length)
                rewrite_page = False  # one change is enough to write the page anew
            at += entry.length
