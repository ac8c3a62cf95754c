"""What someone can do with the keys of one order, and what not (docs/format/threats.md)."""

from __future__ import annotations

import random
import re

import pytest
import zstandard

from kyanite.base.errors import Damaged, WrongKey
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.catalog import read_point
from kyanite.engine.format import id_of
from kyanite.engine.index import load_index
from kyanite.engine.keys import BackupKeys, RestoreKeys, pack_key
from kyanite.engine.point import decode_point, encode_point
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.storage.memory import MemoryStorage
from support.engine import (
    ONE_THREAD,
    PASSWORD,
    MemoryDisk,
    back_up_disk,
    restored,
    tiny_repository,
)

MARKER = b"a sentence that nobody but its owner may read. "
SECRET = MARKER + random.Random(13).randbytes(200 * KIB) + MARKER


def _backup_keys(repository: Repository, session_id: str) -> BackupKeys:
    ticket = repository.open_session(session_id, "thief", "thief")
    keys = BackupKeys.from_bytes(repository.backup_keys(ticket).to_bytes())
    assert keys == repository.backup_keys(ticket)
    return keys


def test_backup_keys_open_no_chunk_of_another_session() -> None:
    repository = tiny_repository(MemoryStorage())
    victim = back_up_disk(repository, SECRET).point
    keys = _backup_keys(repository, new_id())
    index = load_index(repository.storage, keys.maintenance_key, keys.repository_id)
    # All a thief can derive: the pack keys that follow from the session root it has.
    forged = RestoreKeys(
        keys.repository_id,
        keys.id_key,
        keys.maintenance_key,
        {pack.pack_id: pack_key(keys.session_root, pack.pack_id) for pack in index.packs()},
    )
    target = MemoryDisk(bytes(len(SECRET)))
    with pytest.raises(Damaged):
        restore_disk(repository.storage, forged, victim, "disk", target, parallelism=ONE_THREAD)
    assert target.written == []


def test_backup_keys_open_no_recipe_of_another_session() -> None:
    repository = tiny_repository(MemoryStorage())
    victim = back_up_disk(repository, SECRET, recipe=MARKER).point
    keys = _backup_keys(repository, new_id())
    structure = read_point(
        repository.storage, victim.session_id, keys.maintenance_key, keys.repository_id
    )
    assert structure is not None
    assert structure.recipe == b""
    with pytest.raises(WrongKey):
        read_point(
            repository.storage,
            victim.session_id,
            keys.maintenance_key,
            keys.repository_id,
            lambda *_: keys.session_root,
        )


def test_a_point_forged_for_another_session_is_found_out() -> None:
    repository = tiny_repository(MemoryStorage())
    mine = back_up_disk(repository, SECRET).point
    keys = _backup_keys(repository, new_id())
    target = new_id()
    repository.open_session(target, "machine", "label")
    forged = encode_point(
        type(mine)(
            target,
            "machine",
            "label",
            mine.created_at,
            mine.kind,
            None,
            mine.disks,
            0,
            0,
            0,
            0,
            b"",
        ),
        keys.session_root,
        keys.maintenance_key,
        keys.repository_id,
    )
    repository.storage.put(f"points/{target}", forged)
    with pytest.raises(WrongKey):
        repository.read_point(target)


def test_a_point_does_not_open_under_another_name() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    first = back_up_disk(repository, b"first" * 1000).point
    second = back_up_disk(repository, b"second" * 1000).point
    storage.overwrite(f"points/{second.session_id}", storage.get(f"points/{first.session_id}"))
    with pytest.raises(Damaged):
        repository.read_point(second.session_id)


def test_restore_keys_open_only_the_packs_of_their_point() -> None:
    repository = tiny_repository(MemoryStorage())
    mine = back_up_disk(repository, random.Random(1).randbytes(100 * KIB)).point
    victim = back_up_disk(repository, SECRET).point
    keys = RestoreKeys.from_bytes(repository.restore_keys(mine).to_bytes())
    assert keys == repository.restore_keys(mine)
    target = MemoryDisk(bytes(len(SECRET)))
    with pytest.raises(WrongKey):
        restore_disk(repository.storage, keys, victim, "disk", target, parallelism=ONE_THREAD)
    assert target.written == []
    own = {info.name for info in repository.storage.list(f"packs/{mine.session_id}/")}
    assert {f"packs/{mine.session_id}/{pack.hex()}" for pack in keys.pack_keys} <= own


def test_the_maintenance_key_alone_cleans_and_walks_but_opens_no_data() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, SECRET).point
    keys = _backup_keys(repository, new_id())
    root = keys.session_root
    data = repository.storage.get(f"points/{point.session_id}")
    structure = decode_point(point.session_id, data, keys.maintenance_key, keys.repository_id)
    assert structure.disks == point.disks
    assert (
        root
        != repository.backup_keys(
            repository.open_session(point.session_id, "machine", "point")
        ).session_root
    )


def test_keys_do_not_show_in_any_text() -> None:
    repository = tiny_repository(MemoryStorage())
    point = back_up_disk(repository, SECRET).point
    backup = _backup_keys(repository, new_id())
    restore = repository.restore_keys(point)
    text = f"{repository!r} {backup!r} {restore!r} {repository._keys!r}"
    secrets = [
        repository.master_key,
        backup.id_key,
        backup.cut_key,
        backup.maintenance_key,
        backup.session_root,
        *restore.pack_keys.values(),
    ]
    for secret in secrets:
        assert secret.hex() not in text
        assert repr(secret)[2:-1] not in text


def test_no_plaintext_stands_in_any_object_nor_in_any_zstd_frame() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    point = back_up_disk(repository, SECRET + MARKER * 1000, recipe=MARKER, label="a-label").point
    repository.clean()
    assert restored(repository, point) == SECRET + MARKER * 1000
    for info in storage.list(""):
        data = storage.get(info.name)
        for secret in (MARKER, PASSWORD.encode(), b"a-label", repository.master_key):
            assert secret not in data
        for start in re.finditer(re.escape(b"\x28\xb5\x2f\xfd"), data):
            try:
                frame = zstandard.ZstdDecompressor().decompress(
                    data[start.start() :], max_output_size=1 << 20
                )
            except zstandard.ZstdError:
                continue
            assert MARKER not in frame


def test_session_ids_and_keys_of_two_repositories_have_nothing_in_common() -> None:
    one, two = tiny_repository(MemoryStorage()), tiny_repository(MemoryStorage())
    session_id = new_id()
    first = _backup_keys(one, session_id)
    second = _backup_keys(two, session_id)
    assert id_of(session_id) == first.session_id == second.session_id
    for name in ("id_key", "cut_key", "maintenance_key", "session_root"):
        assert getattr(first, name) != getattr(second, name)
