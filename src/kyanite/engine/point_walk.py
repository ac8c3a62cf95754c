"""Walks everything a point is made of, going on behind what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kyanite.base.errors import EngineError, StorageError, StorageUnavailable
from kyanite.engine.format import NO_ID
from kyanite.engine.pack import PackNumber
from kyanite.engine.page_reader import PageReader
from kyanite.engine.pages import PageRef, decode_inner, decode_leaf
from kyanite.engine.point import Point, PointDisk


@dataclass(frozen=True, slots=True)
class Place:
    """A page or chunk, and the range of the disk that needs it.

    ``reason``: why it cannot be read; empty if that was not tried (chunks) or went well.
    ``leaf_id``: the leaf page that names it, for chunks. ``pack``: where it is said to be.
    """

    entry_id: bytes
    disk_id: str
    offset: int
    length: int
    reason: str = ""
    leaf_id: bytes | None = None
    pack: PackNumber | None = None


def walk(point: Point, reader: PageReader, skip: set[bytes]) -> Iterator[Place]:
    """Every page and chunk of a point, without the insides of the leaf pages in ``skip``."""
    for disk in point.disks:
        span_of_inner = disk.page_span_bytes * disk.inner_fanout
        for number, inner in enumerate(disk.inner):
            inner_id = inner.page_id
            if inner_id == NO_ID:
                continue
            offset = number * span_of_inner
            length = min(span_of_inner, disk.size_bytes - offset)
            try:
                leaves = decode_inner(reader.read(inner), disk.inner_fanout)
            except StorageUnavailable:
                raise
            except (EngineError, StorageError) as error:
                yield Place(inner_id, disk.disk_id, offset, length, str(error), pack=inner.pack)
                continue
            yield Place(inner_id, disk.disk_id, offset, length, pack=inner.pack)
            for nth, leaf in enumerate(leaves):
                if leaf.page_id != NO_ID:
                    span = number * disk.inner_fanout + nth
                    yield from _walk_leaf(disk, span, leaf, reader, skip)


def _walk_leaf(
    disk: PointDisk, span: int, leaf: PageRef, reader: PageReader, skip: set[bytes]
) -> Iterator[Place]:
    leaf_id = leaf.page_id
    offset, length = disk.span_offset(span), disk.span_length(span)
    if leaf_id in skip:
        return
    try:
        entries = decode_leaf(reader.read(leaf), length)
    except StorageUnavailable:
        raise
    except (EngineError, StorageError) as error:
        yield Place(leaf_id, disk.disk_id, offset, max(length, 0), str(error), pack=leaf.pack)
        return
    yield Place(leaf_id, disk.disk_id, offset, length, pack=leaf.pack)
    at = offset
    for entry in entries:
        if entry.chunk_id is not None:
            yield Place(
                entry.chunk_id,
                disk.disk_id,
                at,
                entry.length,
                leaf_id=leaf_id,
                pack=entry.pack,
            )
        at += entry.length
