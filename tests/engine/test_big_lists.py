"""The list of a full disk of 1 TiB: how much of it an increment writes again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from kyanite.base.identifiers import new_id
from kyanite.base.units import GIB, KIB, MIB, TIB
from kyanite.engine.backup import back_up
from kyanite.engine.chunk_store import ChunkStore
from kyanite.engine.control import NoControl
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.format import EntryType, id_of, point_name
from kyanite.engine.index import load_index, put_index
from kyanite.engine.pack import PackNumber, PackRef, read_table
from kyanite.engine.pack_uploads import PackUploads
from kyanite.engine.pages import Entry, PageRef, add_needs, encode_inner, encode_leaf, needs_of
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.point import PAGE_NEED, Point, PointDisk, encode_point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.memory import MemoryStorage
from support.engine import CHEAP, PASSWORD

DISK_BYTES = TIB
PLACES = 10
SETTINGS = RepositorySettings()
_PACK_CHUNKS = 107


class Pattern:
    """A disk whose blocks all differ and compress to nothing, made when they are read."""

    def read_into(self, offset: int, buffer: memoryview) -> None:
        words = buffer.cast("Q") if len(buffer) % 8 == 0 else None
        assert words is not None
        block = 4 * KIB // 8
        for at in range(0, len(words), block):
            number = ((offset // 8 + at) * 0x9E37_79B9_7F4A_7C15) % (1 << 64)
            part = words[at : at + block]
            part[:] = memoryview(number.to_bytes(8, "little") * len(part)).cast("Q")


def chunks_of_a_span(number: int) -> Iterator[Entry]:
    """A span full of chunks, of lengths as aligned cuts make them, each pack after the other."""
    chooser = random.Random(number)
    left = SETTINGS.page_span_bytes
    count = 0
    while left:
        length = min(left, 4 * KIB * chooser.randrange(16, 144))
        ordinal = (number * 1638 + count) // _PACK_CHUNKS
        yield Entry(length, chooser.randbytes(32), PackNumber(b"p" * 16, ordinal))
        left -= length
        count += 1


def a_full_disk(repository: Repository) -> tuple[str, int]:
    """A point with a disk of 1 TiB of which only the list is there; the bytes of the list."""
    ticket = repository.open_session(new_id(), "machine", "full")
    keys, storage = repository.backup_keys(ticket), repository.storage
    leaves: list[PageRef] = []
    inner: list[PageRef] = []
    needs: dict[PackNumber, int] = {}
    with PackUploads(storage, keys, SETTINGS.pack_bytes, 2, NoControl()) as uploads:
        index = load_index(storage, keys.maintenance_key, keys.repository_id)
        store = ChunkStore(keys, index, uploads, SETTINGS.zstd_level)
        for number in range(DISK_BYTES // SETTINGS.page_span_bytes):
            entries = list(chunks_of_a_span(number))
            page = encode_leaf(entries)
            assert page is not None
            leaves.append(store.add_page(page, (0, number)))
            add_needs(needs, needs_of(entries))
        for at in range(0, len(leaves), SETTINGS.inner_fanout):
            page = encode_inner(leaves[at : at + SETTINGS.inner_fanout])
            assert page is not None
            inner.append(store.add_page(page, (0, -1 - at)))
        uploads.flush()
        packs = uploads.stored.packs
    for ref in (*leaves, *inner):
        assert ref.pack is not None
        add_needs(needs, {ref.pack: PAGE_NEED})
    put_index(storage, packs, keys.maintenance_key, keys.repository_id)
    disk = PointDisk(
        "disk",
        "disk",
        DISK_BYTES,
        SETTINGS.page_span_bytes,
        SETTINGS.inner_fanout,
        tuple(inner),
        needs,
    )
    point = Point(
        ticket.session_id, "machine", "full", "2026-01-01T00:00:00+00:00", "Full", None,
        (disk,), 0, 0, 0, 0,
    )  # fmt: skip
    storage.put(
        point_name(ticket.session_id),
        encode_point(point, keys.session_root, keys.maintenance_key, keys.repository_id),
    )
    return ticket.session_id, _list_bytes(repository, ticket.session_id)


def _list_bytes(repository: Repository, session_id: str) -> int:
    """What a session wrote to list its disks: pages, and the point."""
    storage = repository.storage
    keys = repository.backup_keys(repository.open_session(new_id(), "m", "l"))
    pages = 0
    for info in storage.list(f"packs/{session_id}/"):
        pack = PackRef(id_of(session_id), bytes.fromhex(info.name.rpartition("/")[2]))
        table = read_table(storage, pack, keys.maintenance_key, keys.repository_id)
        pages += sum(e.stored_length for e in table.entries if e.entry_type == EntryType.PAGE)
    return pages + storage.size(point_name(session_id))


@pytest.mark.slow
def test_a_thousandth_of_a_tib_changed_in_ten_places_writes_a_fiftieth_of_its_list() -> None:
    repository = Repository.create(MemoryStorage(), PASSWORD, SETTINGS, cost=CHEAP)
    full, full_bytes = a_full_disk(repository)
    assert full_bytes > 100 * MIB
    length = DISK_BYTES // 1000 // PLACES // (4 * KIB) * 4 * KIB
    changes = RangeList(
        # Every place reaches over the border of two spans: the worst case.
        [
            ByteRange(n * 100 * GIB + SETTINGS.page_span_bytes - length // 2, length)
            for n in range(PLACES)
        ]
    )
    ticket = repository.open_session(new_id(), "machine", "increment", full)
    disk = DiskInput("disk", "disk", DISK_BYTES, Pattern(), None, changes)
    back_up(
        repository.storage,
        repository.backup_keys(ticket),
        ticket,
        [disk],
        b"",
        parallelism=Parallelism.local(),
    )
    written = _list_bytes(repository, ticket.session_id)
    print(f"list {full_bytes / MIB:.1f} MiB, increment {written / full_bytes:.2%} of it")
    assert written <= 0.02 * full_bytes
