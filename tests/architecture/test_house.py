"""Rules of the house that a reviewer would have to remember."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
GENERATED = ("src/kyanite/contract/", "src/kyanite/db/migrations/versions/")


def _path(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_it_may_be() -> None:
    long = {
        _path(file): lines
        for file in SOURCES
        if not _path(file).startswith(GENERATED)
        and (lines := len(file.read_text().splitlines())) > 500
    }
    assert not long, f"split these by use case: {long}"


def test_nothing_has_a_name_that_refuses_nothing() -> None:
    forbidden = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    found = [_path(file) for file in SOURCES if {file.stem, file.parent.name} & forbidden]
    assert not found


def test_every_setting_is_documented() -> None:
    documents = (ROOT / "README.md").read_text() + "".join(
        file.read_text() for file in (ROOT / "docs").rglob("*.md")
    )
    used = {
        name
        for file in SOURCES
        for name in re.findall(r"\b(?:KYANITE|AZLAB)_[A-Z_]+\b", file.read_text())
    }
    missing = sorted(name for name in used if name not in documents)
    assert not missing, f"settings without a word in README or docs: {missing}"


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [file.name[:4] for file in (ROOT / "docs" / "decisions").glob("*.md")]
    assert numbers
    assert len(numbers) == len(set(numbers))
    assert all(number.isdigit() for number in numbers)


def test_the_change_is_told_to_users() -> None:
    assert list((ROOT / "changelog" / "unreleased").glob("*.md"))


def test_the_lock_files_name_no_place() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        assert "://" not in text
        assert "--index-url" not in text


def test_imports_point_down() -> None:
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
