"""Names that clients give to files, folders and things: they stay text, wherever they go."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyanite.http.exports import csv_parts
from support.inhabited import Inhabited, inhabited

PATHS = (
    *(
        "../../etc/cron.d/x",
        "..\\..\\x",
        "/etc/passwd",
        "..",
        ".",
        "a/b",
        "a\\b",
        "con.",
        "%2e%2e/",
    ),
    *("a\x00b", "a\r\nX-Evil: 1", "\u202egpj.exe", "x" * 10_000, "file:///etc/passwd"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parent") / "appliance"


@pytest.fixture(scope="module")
def home(folder: Path) -> Iterator[Inhabited]:
    with inhabited(folder) as home:
        yield home


def _files(folder: Path) -> set[Path]:
    """All there are in and beside the appliance's folder, but the database's own."""
    return {file for file in folder.parent.rglob("*") if not file.name.startswith("kyanite.")}


@pytest.fixture(scope="module")
def headers(home: Inhabited) -> dict[str, str]:
    return home.headers()


@pytest.mark.parametrize("name", PATHS, ids=range(len(PATHS)))
def test_a_folder_that_is_a_path_or_no_name_is_refused_by_member(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    body = {
        "name": "second",
        "azureAccountId": home.account_id,
        "azureStorageAccountId": home.storage_id,
        "azureStorageContainer": "backups",
        "azureStorageFolder": name,
        "storageTier": "Hot",
        "enableEncryption": False,
    }
    answer = home.client.post("/api/v8.1/repositories", json=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert "\x00" in name or "azureStorageFolder" in answer.json()["errors"]


@pytest.mark.parametrize("name", PATHS, ids=range(len(PATHS)))
def test_the_name_of_an_uploaded_file_opens_no_file(
    home: Inhabited, folder: Path, headers: dict[str, str], name: str
) -> None:
    before = _files(folder)
    login = {
        "azureEnvironment": "Global",
        "applicationId": home.account_id,
        "tenantId": home.account_id,
        "applicationCertificate": "bm8gY2VydGlmaWNhdGU=",
        "applicationCertificateName": name,
        "subscriptions": [],
    }
    answer = home.client.post(
        "/api/v8.1/accounts/azure/service/saveByApp",
        json={"accountInfo": {"name": "uploaded"}, "clientLoginParameters": login},
        headers=headers,
    )
    assert answer.status_code == 400, answer.text
    assert _files(folder) == before


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n="])
def test_no_cell_of_an_exported_list_is_a_formula(start: str) -> None:
    value = f"{start}cmd|' /C calc'!A0"
    text = b"".join(csv_parts(["name", "note"], [[value, f'"{value}"']])).decode("utf-8-sig")
    (_, row) = csv.reader(io.StringIO(text, newline=""))
    for cell in row:
        assert cell[0] in "'\"", cell


def test_a_cell_of_quotes_and_line_ends_stays_one_cell() -> None:
    value = 'a","b"\r\n=1+1'
    text = b"".join(csv_parts(["name"], [[value]])).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["name"], [value]]
