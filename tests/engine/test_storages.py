"""The storages of the engine itself, and its wrappers, under the one suite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.storage_suite import StorageSuite
from kyanite.base.errors import ObjectExists, StorageDenied, StorageUnavailable
from kyanite.engine.storage.base import Data, Storage
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.folder import FolderStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.retrying import RetryingStorage


def _no_pause(seconds: float) -> None:
    return


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


class _LosesEveryOtherAnswer(MemoryStorage):
    """Applies every put, and answers only the second time."""

    def __init__(self) -> None:
        super().__init__()
        self._lost: set[str] = set()

    def put(self, name: str, data: Data) -> None:
        super().put(name, data)
        if name not in self._lost:
            self._lost.add(name)
            raise StorageUnavailable("The answer is lost (test).")


class TestRetryingStorage(StorageSuite):
    @pytest.fixture
    def storage(self) -> Storage:
        return RetryingStorage(_LosesEveryOtherAnswer(), pause=_no_pause)

    def test_a_repeat_does_not_take_a_foreign_object_for_its_own(self) -> None:
        inner = MemoryStorage()
        inner.put("points/a", b"foreign")
        faulty = FaultyStorage(inner, 1, Moment.BEFORE, dead=False)
        with pytest.raises(ObjectExists):
            RetryingStorage(faulty, pause=_no_pause).put("points/a", b"own")

    def test_a_storage_that_stays_away_is_given_up(self) -> None:
        pauses: list[float] = []
        dead = FaultyStorage(MemoryStorage(), 1, Moment.BEFORE)
        with pytest.raises(StorageUnavailable):
            RetryingStorage(dead, attempts=4, pause=pauses.append).put("a", b"a")
        assert pauses == [0.1, 0.2, 0.4]
