"""The storages of the engine itself, and a wrapper of the tests, under the one suite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.storage_suite import StorageSuite
from kyanite.base.errors import StorageDenied
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.folder import FolderStorage
from kyanite.engine.storage.memory import MemoryStorage
from support.counting_storage import CountingStorage


class TestMemoryStorage(StorageSuite):
    @pytest.fixture
    def storage(self) -> Storage:
        return MemoryStorage()


class TestFolderStorage(StorageSuite):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return FolderStorage(tmp_path / "repository")

    def test_a_folder_that_cannot_be_made_is_said_to_be_denied(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StorageDenied):
            FolderStorage(tmp_path / "file").put("x/y", b"x")

    def test_a_put_that_is_killed_leaves_nothing(self, tmp_path: Path) -> None:
        root = tmp_path / "repository"
        program = (
            "import os, sys; from pathlib import Path\n"
            "from kyanite.engine.storage.folder import FolderStorage\n"
            "os.fsync = lambda file: os.kill(os.getpid(), 9)\n"
            f"FolderStorage(Path({str(root)!r})).put('x', b'x' * 100000)\n"
        )
        root.mkdir()
        done = subprocess.run([sys.executable, "-c", program], check=False)
        assert done.returncode == -9
        storage = FolderStorage(root)
        assert list(storage.list("")) == []
        storage.remove_leftovers()
        assert os.listdir(root) == []


class TestFolderStorageWithoutUnnamedFiles(StorageSuite):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return FolderStorage(tmp_path / "repository", unnamed_files=False)

    def test_what_a_killed_writer_left_is_not_listed_and_can_be_removed(
        self, tmp_path: Path
    ) -> None:
        storage = FolderStorage(tmp_path, unnamed_files=False)
        storage.put("packs/a", b"a")
        (tmp_path / "packs" / ".part-0011").write_bytes(b"half")
        assert [info.name for info in storage.list("")] == ["packs/a"]
        assert storage.remove_leftovers() == 1
        assert os.listdir(tmp_path / "packs") == ["a"]


class TestCountingStorage(StorageSuite):
    @pytest.fixture
    def storage(self) -> Storage:
        return CountingStorage(MemoryStorage())
