"""The format's documents suffice: a reader written from them restores what Kyanite wrote."""

from __future__ import annotations

import ast
import hashlib
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kyanite.base.units import KIB
from kyanite.engine.storage.folder import FolderStorage
from second_reader import reader
from support.engine import back_up_disk, disk_contents, tiny_repository
from support.frozen import NAMES, FrozenRepository, thaw

READER = Path(reader.__file__ or "")


def check(repository: reader.Repository, frozen: FrozenRepository) -> None:
    """Exactly the points that were there when it was frozen, every byte of every disk."""
    found = {point.session_id: point for point in repository.points()}
    assert found.keys() == frozen.points.keys()
    for session_id, expected in frozen.points.items():
        point = found[session_id]
        assert point.structure["label"] == expected.label
        assert hashlib.sha256(point.recipe).hexdigest() == expected.recipe_sha256
        assert {disk["disk_id"] for disk in point.structure["disks"]} == expected.disks.keys()
        for disk_id, disk in expected.disks.items():
            assert disk.is_of(restored(repository, point, disk_id))


def restored(repository: reader.Repository, point: reader.Point, disk_id: str) -> bytes:
    contents = bytearray()

    def write(at: int, data: bytes) -> None:
        contents.extend(bytes(max(0, at + len(data) - len(contents))))
        contents[at : at + len(data)] = data

    size = repository.restore(point, disk_id, write)
    return bytes(contents) + bytes(size - len(contents))


def test_the_second_reader_knows_nothing_of_kyanite_and_is_short() -> None:
    text = READER.read_text(encoding="utf-8")
    imported: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    foreign = imported - sys.stdlib_module_names
    assert foreign == {"argon2", "blake3", "cryptography", "zstandard"}
    assert len(text.splitlines()) <= 400


@pytest.mark.parametrize("name", NAMES)
def test_it_restores_every_frozen_repository(name: str, tmp_path: Path) -> None:
    frozen = thaw(name, tmp_path)
    for secret in frozen.data_secrets:
        check(reader.Repository(frozen.root, secret), frozen)


@pytest.mark.parametrize("name", NAMES)
def test_it_restores_without_the_index(name: str, tmp_path: Path) -> None:
    frozen = thaw(name, tmp_path)
    shutil.rmtree(frozen.root / "index")
    check(reader.Repository(frozen.root, frozen.secrets["password"]), frozen)


def test_it_restores_what_is_written_now(tmp_path: Path) -> None:
    chooser = random.Random(4)
    repository = tiny_repository(FolderStorage(tmp_path / "repository"))
    expected = {}
    for machine in ("one", "two"):
        contents = disk_contents(chooser, 300 * KIB + 77)
        point = back_up_disk(repository, contents, machine=machine).point
        expected[point.session_id] = bytes(contents)
    printed = repository.new_recovery_key()
    for secret in ("correct horse", printed, printed.lower().replace("-", " ")):
        second = reader.Repository(tmp_path / "repository", secret)
        found = {point.session_id: point for point in second.points()}
        for session_id, contents_then in expected.items():
            assert restored(second, found[session_id], "disk") == contents_then


def test_a_wrong_password_opens_nothing(tmp_path: Path) -> None:
    frozen = thaw("fixed", tmp_path)
    with pytest.raises(reader.Broken, match="no slot"):
        reader.Repository(frozen.root, "Sesam, bleib zu")


def test_a_changed_chunk_is_refused(tmp_path: Path) -> None:
    frozen = thaw("locked", tmp_path)
    for pack in (frozen.root / "packs").rglob("*"):
        if pack.is_file():
            data = bytearray(pack.read_bytes())
            data[100] ^= 1
            pack.write_bytes(data)
    repository = reader.Repository(frozen.root, frozen.secrets["password"])
    (point,) = repository.points()
    with pytest.raises(reader.Broken, match="no good copy"):
        repository.restore(point, "0", lambda _at, _data: None)


def test_it_is_a_program(tmp_path: Path) -> None:
    frozen = thaw("fixed", tmp_path)
    secret = tmp_path / "secret"
    secret.write_text(frozen.secrets["password"] + "\n", encoding="utf-8")
    command = [sys.executable, str(READER), str(frozen.root), str(secret)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 3
    session_id, point = next(iter(frozen.points.items()))
    out = tmp_path / "data.img"
    subprocess.run([*command, session_id, "data", str(out)], check=True)
    assert point.disks["data"].is_of(out.read_bytes())
