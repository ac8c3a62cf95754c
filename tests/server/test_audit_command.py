"""`kyanite audit verify`: what a person on the host of the appliance finds out."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kyanite.base.settings import Settings
from kyanite.server.users import add_user
from kyanite.server.wiring import DATABASE_FILE, open_database

PASSWORD = "Correct-horse-9-battery"


def verify(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kyanite", "audit", "verify", "--data", str(folder), *more],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an appliance with two entries in its log."""
    settings = Settings(data_dir=tmp_path)
    open_database(settings).dispose()
    for name in ("one", "two"):
        add_user(settings, name, PASSWORD, "PortalOperator")
    return tmp_path


def test_an_untouched_log_is_good_and_its_head_can_be_noted(folder: Path) -> None:
    found = verify(folder)
    assert found.returncode == 0, found.stderr
    said, head = found.stdout.splitlines()
    assert said == "2 entries, none of them changed."
    assert head.startswith("2:")
    assert verify(folder, "--head", head).returncode == 0
    other = verify(folder, "--head", f"2:{'0' * 64}")
    assert other.returncode == 1
    assert "Entry 2" in other.stderr
    assert verify(folder, "--head", "nonsense").returncode == 2


def test_an_edited_log_is_named_and_the_status_is_1(folder: Path) -> None:
    connection = sqlite3.connect(folder / DATABASE_FILE)
    connection.execute("UPDATE audit_entries SET detail = 'nothing' WHERE number = 1")
    connection.commit()
    connection.close()
    found = verify(folder)
    assert found.returncode == 1
    assert "Entry 1 of the audit log is not what was written" in found.stderr


def test_the_head_is_noted_outside_of_the_database(folder: Path) -> None:
    number, digest = (folder / "audit.head").read_text().split()
    assert (number, len(digest)) == ("2", 64)
