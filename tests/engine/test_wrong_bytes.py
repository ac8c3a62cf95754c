"""A stolen worker stores wrong bytes under right ids: its seals are good, its bytes are not."""

from __future__ import annotations

import random

import pytest
from blake3 import blake3

from kyanite.base.errors import Damaged
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.control import NoControl
from kyanite.engine.copies import open_copies
from kyanite.engine.copying import copy_points
from kyanite.engine.excision import excise
from kyanite.engine.format import EntryType
from kyanite.engine.index import load_index, put_index
from kyanite.engine.keys import page_id_key
from kyanite.engine.open_pack import Coded
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_uploads import PackUploads
from kyanite.engine.page_reader import PageReader
from kyanite.engine.pages import Entry, PageRef, encode_leaf
from kyanite.engine.point import Point
from kyanite.engine.random_reader import RandomReader
from kyanite.engine.repository import Repository
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import ONE_THREAD, TINY, back_up_disk, restored, tiny_repository

CONTENTS = random.Random(21).randbytes(60 * KIB)
CHUNK = CONTENTS[8 * KIB : 8 * KIB + TINY.cut_bytes]


def steal(repository: Repository, kind: EntryType, entry_id: bytes, right: bytes) -> str:
    """A session that stores other bytes under an id; its pack."""
    ticket = repository.open_session(new_id(), "thief", "thief")
    keys = repository.backup_keys(ticket)
    wrong = bytes(byte ^ 0xFF for byte in right)
    with PackUploads(repository.storage, keys, TINY.pack_bytes, 1, NoControl()) as uploads:
        uploads.add(Coded(entry_id, kind, 0, len(wrong), wrong))
        uploads.flush()
        (table,) = uploads.stored.packs
    put_index(repository.storage, [table], keys.maintenance_key, keys.repository_id)
    return table.pack.name


class Scene:
    """The thief knew a chunk of what is backed up afterwards."""

    def __init__(self) -> None:
        self.repository = repository = tiny_repository(MemoryStorage())
        chunk_id = blake3(CHUNK, key=repository.read_keys.id_key).digest()
        self.pack = steal(repository, EntryType.CHUNK, chunk_id, CHUNK)
        self.session_id = self.pack.split("/")[1]
        self.point = back_up_disk(repository, CONTENTS, machine="victim").point


def test_it_is_shared_unseen_found_by_verify_and_never_served() -> None:
    scene = Scene()
    repository, point = scene.repository, scene.point
    assert point.stored_bytes < len(CONTENTS), "the thief's chunk was not shared"
    for read in (_restore, _read_at_random, _copy):
        with pytest.raises(Damaged, match="holds other bytes"):
            read(repository, point)
    (damage,) = repository.verify(Level.FULL).damages
    assert damage.name == scene.pack
    assert [(h.session_id, h.offset) for h in damage.hurts] == [(point.session_id, 8 * KIB)]


def test_after_an_excision_the_next_backup_stores_the_right_bytes() -> None:
    scene = Scene()
    excise(scene.repository, scene.session_id)
    again = back_up_disk(scene.repository, CONTENTS, machine="victim").point
    assert restored(scene.repository, again) == CONTENTS
    assert restored(scene.repository, scene.point) == CONTENTS


def test_a_page_of_wrong_bytes_is_not_taken_for_the_page() -> None:
    repository = tiny_repository(MemoryStorage())
    keys = repository.read_keys
    page = encode_leaf(
        [Entry(4 * KIB, None), Entry(4 * KIB, bytes(31) + b"1", PackNumber(bytes(16), 0))]
    )
    assert page is not None
    page_id = blake3(page, key=page_id_key(keys.id_key)).digest()
    steal(repository, EntryType.PAGE, page_id, page)
    structure = (keys.maintenance_key, keys.repository_id)
    index = load_index(repository.storage, *structure)
    reader = PageReader(repository.storage, index.find_all, *structure, keys.id_key)
    with pytest.raises(Damaged, match="holds other bytes"):
        reader.read(PageRef(page_id, None))


def _restore(repository: Repository, point: Point) -> object:
    return restored(repository, point)


def _read_at_random(repository: Repository, point: Point) -> object:
    keys = repository.read_keys
    copies = open_copies(repository.storage, keys.maintenance_key, keys.repository_id)
    with RandomReader(repository.storage, keys, copies, point.disks[0]) as reader:
        return reader.read(8 * KIB, 100)


def _copy(repository: Repository, point: Point) -> object:
    destination = tiny_repository(MemoryStorage())
    try:
        return copy_points(repository, destination, [point], parallelism=ONE_THREAD)
    finally:
        assert destination.points() == []
