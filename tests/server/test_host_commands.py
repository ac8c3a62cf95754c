"""Commands given on the host of the appliance: users, and workers that find their key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kyanite.areas.access import user_queries
from kyanite.areas.access.passwords import Passwords
from kyanite.base.clock import SystemClock
from kyanite.base.settings import Settings
from kyanite.server.host_folder import remember_folder, remembered_folder
from kyanite.server.wiring import open_database

PASSWORD = "Correct-horse-9-battery"


def _run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kyanite", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an appliance that was started once."""
    settings = Settings(data_dir=tmp_path)
    open_database(settings).dispose()
    return tmp_path


def test_a_user_is_added_with_a_role_and_can_be_verified(folder: Path) -> None:
    (folder / "pw").write_text(PASSWORD + "\n")
    arguments = ("user", "add", "ops", "--data", str(folder), "--password-file", str(folder / "pw"))
    added = _run(*arguments, "--role", "portaloperator")
    assert added.returncode == 0, added.stderr
    database = open_database(Settings(data_dir=folder))
    with database.reading() as db:
        row = user_queries.find(db, "ops")
        assert row is not None
        assert row.role == "PortalOperator"
        assert Passwords().matches(row.password_hash, PASSWORD)
    database.dispose()


def test_an_unknown_role_is_wrong_usage_that_names_the_roles(folder: Path) -> None:
    (folder / "pw").write_text(PASSWORD)
    arguments = ("user", "add", "ops", "--data", str(folder), "--password-file", str(folder / "pw"))
    refused = _run(*arguments, "--role", "King")
    assert refused.returncode == 2
    assert "PortalAdmin" in refused.stderr


def test_the_database_says_where_the_folder_of_the_appliance_is(folder: Path) -> None:
    database = open_database(Settings(data_dir=folder))
    with database.reading() as db:
        assert remembered_folder(db) is None
    with database.writing() as db:
        remember_folder(db, folder, SystemClock())
    with database.reading() as db:
        assert remembered_folder(db) == folder
    database.dispose()


def test_a_worker_without_a_database_is_told_what_to_name() -> None:
    refused = _run("worker", KYANITE_DATABASE_URL="")
    assert refused.returncode == 2
    assert "--data" in refused.stderr
