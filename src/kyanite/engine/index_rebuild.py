"""Rebuilds the index from the packs alone, with the maintenance key.

For a repository whose segments are lost or damaged. The new segments are put first; the
old ones that were listed before are deleted then, so a segment that a writer puts
meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.engine.condemned import pack_of_name
from kyanite.engine.control import Control
from kyanite.engine.format import INDEX_PREFIX, PACKS_PREFIX
from kyanite.engine.index import put_index
from kyanite.engine.index_merge import tidy_index
from kyanite.engine.pack import PackRef, PackTable, read_table
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map

# Packs in one segment: some hundred thousand records.
_PACKS_IN_SEGMENT: Final = 1024
_READS_AT_ONCE: Final = 32

_Listed = tuple[PackRef, int]  # a pack and the size of its object


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """``unreadable``: names of packs whose table cannot be read, with the reason."""

    packs: int
    records: int
    replaced_segments: int
    unreadable: tuple[tuple[str, str], ...]


def rebuild_index(
    storage: Storage, maintenance_key: bytes, repository_id: bytes, control: Control
) -> RebuildReport:
    """Read the table of every pack and put a new index. Damaged packs are left out and named."""
    old = [info.name for info in storage.list(INDEX_PREFIX)]
    packs = [
        (pack, info.size_bytes)
        for info in storage.list(PACKS_PREFIX)
        if (pack := pack_of_name(info.name)) is not None
    ]
    unreadable: list[tuple[str, str]] = []

    def read(listed: _Listed) -> PackTable | None:
        control.check()
        pack, size_bytes = listed
        try:
            return read_table(storage, pack, maintenance_key, repository_id, size_bytes)
        except ObjectMissing:
            return None  # deleted meanwhile
        except EngineError as error:
            unreadable.append((pack.name, str(error)))
            return None

    count = records = 0
    for group in _groups(packs):
        tables = [table for table in parallel_map(read, group, _READS_AT_ONCE) if table is not None]
        if not tables:
            continue
        put_index(storage, tables, maintenance_key, repository_id)
        count += len(tables)
        records += sum(len(table) for table in tables)
    for name in sorted(old, key=len):  # heads first: without them the parts do not count
        storage.delete(name)
    tidy_index(storage, maintenance_key, repository_id)
    return RebuildReport(count, records, len(old), tuple(sorted(unreadable)))


def _groups(packs: Sequence[_Listed]) -> Iterator[Sequence[_Listed]]:
    for at in range(0, len(packs), _PACKS_IN_SEGMENT):
        yield packs[at : at + _PACKS_IN_SEGMENT]
