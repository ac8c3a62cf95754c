"""The storages of the engine itself under the suites that every storage passes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.storage_suite import StorageSuite
from engine.versions_suite import VersionsSuite
from kyanite.base.errors import StorageDenied, StorageUnavailable
from kyanite.engine.storage.base import Storage, VersionedStorage, versions_of
from kyanite.engine.storage.folder import FolderStorage
from kyanite.engine.storage.folder_versions import VersionedFolderStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.memory_versions import VersionedMemoryStorage


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


class TestVersionedMemoryStorage(StorageSuite, VersionsSuite):
    @pytest.fixture
    def versioned(self) -> VersionedMemoryStorage:
        return VersionedMemoryStorage()

    @pytest.fixture
    def overwrite(self, versioned: VersionedMemoryStorage) -> Callable[[str, bytes], None]:
        return versioned.overwrite

    @pytest.fixture
    def storage(self, versioned: VersionedStorage) -> Storage:
        return versioned


class TestVersionedFolderStorage(StorageSuite, VersionsSuite):
    @pytest.fixture
    def versioned(self, tmp_path: Path) -> VersionedFolderStorage:
        return VersionedFolderStorage(tmp_path / "repository")

    @pytest.fixture
    def overwrite(self, versioned: VersionedFolderStorage) -> Callable[[str, bytes], None]:
        return versioned.overwrite

    @pytest.fixture
    def storage(self, versioned: VersionedStorage) -> Storage:
        return versioned


def test_a_plain_storage_keeps_no_versions(tmp_path: Path) -> None:
    assert versions_of(MemoryStorage()) is None
    assert versions_of(FolderStorage(tmp_path)) is None


def test_a_full_disk_is_said_in_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    """The limit on the size of files stands in for the end of the disk: the same path."""
    program = (
        "import errno, os, sys; from pathlib import Path\n"
        "from kyanite.engine.storage import folder\n"
        "def full(file, data): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "os.write = full\n"
        f"folder.FolderStorage(Path({str(tmp_path)!r})).put('packs/a', b'x' * 100000)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    last = done.stderr.decode().splitlines()[-1]
    assert StorageUnavailable.__name__ in last
    assert f"{tmp_path} is full: packs/a could not be stored" in last
    assert "Make room and run it again" in last
    assert list(FolderStorage(tmp_path).list("")) == []
