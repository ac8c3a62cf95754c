"""Secrets at rest."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kyanite.base.errors import Damaged, WrongKey
from kyanite.db.database import Database
from kyanite.db.master_key import open_secret_box
from kyanite.db.secrets import SecretBox, master_key_from_file, master_key_from_text

KEY = bytes(range(32))


def test_a_sealed_secret_opens_for_its_row_and_does_not_contain_itself() -> None:
    box = SecretBox(KEY)
    sealed = box.seal_text("Pa$$wörd", row_id="account-1")
    assert "Pa$$wörd".encode() not in sealed
    assert box.open_text(sealed, row_id="account-1") == "Pa$$wörd"
    assert SecretBox(KEY).open_text(sealed, row_id="account-1") == "Pa$$wörd"
    assert box.seal_text("Pa$$wörd", row_id="account-1") != sealed


def test_a_sealed_secret_does_not_open_for_another_row() -> None:
    box = SecretBox(KEY)
    with pytest.raises(Damaged):
        box.open(box.seal(b"secret", row_id="account-1"), row_id="account-2")


def test_every_changed_bit_is_noticed() -> None:
    box = SecretBox(KEY)
    sealed = box.seal(b"secret", row_id="r")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises((Damaged, WrongKey)):
            box.open(bytes(changed), row_id="r")
    with pytest.raises(Damaged):
        box.open(sealed[:10], row_id="r")


def test_another_master_key_is_named_as_the_reason() -> None:
    sealed = SecretBox(KEY).seal(b"secret", row_id="r")
    with pytest.raises(WrongKey, match="another master key"):
        SecretBox(bytes(32)).open(sealed, row_id="r")


def test_the_key_is_not_shown() -> None:
    assert KEY.hex() not in repr(SecretBox(KEY))
    assert KEY.hex() not in repr(vars(SecretBox(KEY)))


def test_the_master_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: _make_in_own_process(path), range(3))
    assert all(key == first for key in others)
    assert len(first) == 32
    assert master_key_from_file(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]


def test_a_damaged_master_key_is_refused_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text("short")
    path.chmod(0o600)
    with pytest.raises(WrongKey):
        master_key_from_file(path)
    assert path.read_text() == "short"


def test_the_master_key_may_come_as_text() -> None:
    assert master_key_from_text(base64.b64encode(KEY).decode() + "\n") == KEY
    with pytest.raises(WrongKey):
        master_key_from_text("not base64!")
    with pytest.raises(WrongKey):
        SecretBox(b"short")


def test_a_database_keeps_to_its_master_key(database: Database, tmp_path: Path) -> None:
    box = open_secret_box(database, tmp_path / "master.key")
    sealed = box.seal(b"secret", row_id="r")
    again = open_secret_box(database, tmp_path / "master.key")
    assert again.open(sealed, row_id="r") == b"secret"
    text = (tmp_path / "master.key").read_text()
    by_text = open_secret_box(database, tmp_path / "nowhere" / "master.key", text)
    assert by_text.open(sealed, row_id="r") == b"secret"
    with pytest.raises(WrongKey, match="KYANITE_MASTER_KEY"):
        open_secret_box(database, tmp_path / "another.key")
    assert not (tmp_path / "another.key").exists()
    with pytest.raises(WrongKey):
        open_secret_box(database, tmp_path / "master.key", "AAAA" * 10 + "AAA=")


def _make_in_own_process(path: Path) -> bytes:
    script = (
        "import sys, pathlib; from kyanite.db.secrets import master_key_from_file as f;"
        "sys.stdout.write(f(pathlib.Path(sys.argv[1])).hex())"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    )
    return bytes.fromhex(result.stdout)
