"""Names that are taken and names that are not."""

from __future__ import annotations

import pytest

from kyanite.rules.naming import (
    account_name_problem,
    container_name_problem,
    derived_repository_name,
    folder_name_problem,
    repository_name_problem,
)


@pytest.mark.parametrize("name", ["prod-backup", "A b_9", "x" * 255])
def test_good_account_names(name: str) -> None:
    assert account_name_problem(name) is None


@pytest.mark.parametrize("name", [None, "", "  ", "x" * 256, "a/b", "a.b", "Müller", "a\n", "a$"])
def test_bad_account_names(name: str | None) -> None:
    assert account_name_problem(name)


@pytest.mark.parametrize("name", ["weu-backups", "Größe 1", "weu (Hot)", "x" * 125, "a,b;c"])
def test_good_repository_names(name: str) -> None:
    assert repository_name_problem(name) is None


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 126, "a\tb", *(f"a{c}" for c in '*:/\\?"<>|!@#$%^&.')]
)
def test_bad_repository_names(name: str) -> None:
    assert repository_name_problem(name)


@pytest.mark.parametrize("folder", ["appl1", "a b", "x" * 256, "Ordner.1"])
def test_good_folders(folder: str) -> None:
    assert folder_name_problem(folder) is None


@pytest.mark.parametrize("folder", ["", " ", "x" * 257, "a/b", "a\\b", ".", "..", "a.", "a\x00"])
def test_bad_folders(folder: str) -> None:
    assert folder_name_problem(folder)


@pytest.mark.parametrize("name", ["abc", "backup-1", "a" * 63, "0a0"])
def test_good_containers(name: str) -> None:
    assert container_name_problem(name) is None


@pytest.mark.parametrize("name", ["", "ab", "a" * 64, "Abc", "a--b", "-ab", "ab-", "a_b", "$web"])
def test_bad_containers(name: str) -> None:
    assert container_name_problem(name)


def test_a_derived_name_is_always_allowed() -> None:
    assert derived_repository_name("backup", "appl1") == "backup-appl1"
    assert repository_name_problem(derived_repository_name("backup", "a.b&c" * 60)) is None
