"""Repositories of every frozen format stay readable, and usable: the promise of versions.md."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from kyanite.base.units import KIB
from kyanite.engine.maintenance import Maintenance
from kyanite.engine.point import Point
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.storage.folder import FolderStorage
from kyanite.engine.verify import Level
from private_key_vault import PrivateKeyVault
from support.engine import MemoryDisk, back_up_disk, disk_contents
from support.frozen import FOLDER, NAMES, FrozenRepository, thaw


def check(repository: Repository, frozen: FrozenRepository) -> None:
    """Exactly the points that were there when it was frozen, every byte of every disk."""
    assert {point.session_id for point in repository.points()} == frozen.points.keys()
    for session_id, expected in frozen.points.items():
        point = repository.read_point(session_id)
        assert (point.label, point.machine_id) == (expected.label, expected.machine_id)
        assert hashlib.sha256(point.recipe).hexdigest() == expected.recipe_sha256
        assert {disk.disk_id for disk in point.disks} == expected.disks.keys()
        for disk_id, disk in expected.disks.items():
            assert disk.is_of(restored(repository, point, disk_id))


def restored(repository: Repository, point: Point, disk_id: str) -> bytearray:
    size = next(disk.size_bytes for disk in point.disks if disk.disk_id == disk_id)
    target = MemoryDisk(bytes(size))
    restore_disk(repository.storage, repository.restore_keys(point), point, disk_id, target)
    return target.contents


def test_what_is_frozen_stays_as_it_was_and_nothing_is_missing() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    frozen = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.iterdir()
        if path.name != "SHA256SUMS"
    }
    assert found == frozen


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_repository_opens_restores_and_verifies(name: str, tmp_path: Path) -> None:
    frozen = thaw(name, tmp_path)
    storage = FolderStorage(frozen.root)
    for secret in frozen.data_secrets:
        repository = Repository.open(storage, secret)
        report = repository.verify(Level.FULL)
        assert [damage for damage in report.damages if damage.hurts] == []
    check(repository, frozen)


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_repository_opens_with_its_maintenance_key(name: str, tmp_path: Path) -> None:
    frozen = thaw(name, tmp_path)
    key = frozen.secrets["maintenance_key"]
    maintenance = Maintenance.open_with_maintenance_key(FolderStorage(frozen.root), key)
    assert {point.session_id for point in maintenance.points()} == frozen.points.keys()
    assert maintenance.verify(Level.PRESENT).damages == ()


def test_a_frozen_repository_opens_with_its_vault(tmp_path: Path) -> None:
    frozen = thaw("vault", tmp_path)
    vault = PrivateKeyVault(frozen.secrets["vault_private_key"])
    check(Repository.open_with_vault(FolderStorage(frozen.root), vault), frozen)


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_repository_goes_on_being_used(name: str, tmp_path: Path) -> None:
    frozen = thaw(name, tmp_path)
    repository = Repository.open(FolderStorage(frozen.root), frozen.secrets["password"])
    contents = disk_contents(random.Random(1), 100 * KIB)
    new = back_up_disk(repository, contents, machine="a machine of today").point
    for session_id in repository.open_sessions():
        repository.abandon_session(session_id)
    repository.clean(whole=True)
    repository.rebuild_index()
    assert restored(repository, repository.read_point(new.session_id), "disk") == contents
    repository.delete_points([new.session_id])
    repository.clean()
    assert repository.verify(Level.FULL).damages == ()
    check(repository, frozen)
