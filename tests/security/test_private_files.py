"""What the appliance keeps on a disk is its owner's alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kyanite.base.errors import Invalid
from kyanite.base.settings import Settings
from kyanite.db.secrets import master_key_from_file
from kyanite.server.tls import ensure_certificate
from kyanite.server.wiring import open_database, prepare_folder

NOW = datetime(2026, 2, 3, tzinfo=UTC)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_keys_and_database_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    prepare_folder(folder)
    master_key_from_file(folder / "master.key")
    ensure_certificate(folder, "127.0.0.1", NOW)
    database = open_database(Settings(data_dir=folder))
    with database.writing() as db:
        db.connection()
        modes = {path.name: mode(path) for path in folder.iterdir()}
    database.dispose()
    assert mode(folder) == 0o700
    assert modes.pop("server.crt") & 0o022 == 0
    assert {"master.key", "server.key", "kyanite.db", "kyanite.db-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("bits", [0o604, 0o602, 0o644, 0o666])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, bits: int) -> None:
    master_key_from_file(tmp_path / "master.key")
    ensure_certificate(tmp_path, "127.0.0.1", NOW)
    for name in ("master.key", "server.key"):
        (tmp_path / name).chmod(bits)
    with pytest.raises(Invalid, match="chmod o-rwx"):
        master_key_from_file(tmp_path / "master.key")
    with pytest.raises(Invalid, match="chmod o-rwx"):
        ensure_certificate(tmp_path, "127.0.0.1", NOW)


def test_a_key_of_a_group_is_taken_as_containers_mount_it(tmp_path: Path) -> None:
    key = master_key_from_file(tmp_path / "master.key")
    (tmp_path / "master.key").chmod(0o440)
    assert master_key_from_file(tmp_path / "master.key") == key


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(Invalid, match="chmod o-w"):
        prepare_folder(tmp_path)
    tmp_path.chmod(0o755)
    prepare_folder(tmp_path)
    assert mode(tmp_path) == 0o755, "a folder of somebody's own making stays as it is"


def test_a_process_of_the_appliance_makes_private_files_and_no_core_dumps(tmp_path: Path) -> None:
    program = (
        "import resource\n"
        "from kyanite.server.hardening import keep_private\n"
        "keep_private()\n"
        "open('made', 'w').close()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "(0, 0)"
    assert mode(tmp_path / "made") == 0o600
