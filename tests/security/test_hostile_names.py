"""Names that clients give to files, folders and things: they stay text, wherever they go."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import update

from kyanite.areas.access.tables import UserRow
from kyanite.areas.accounts.tables import ServiceAccountRow, StandardAccountRow
from kyanite.areas.repositories.tables import RepositoryRow
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.durable.session_tables import SessionRow
from kyanite.http.exports import csv_parts
from support.contract_walk import FILE, routes
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


@pytest.mark.parametrize("name", PATHS, ids=range(len(PATHS)))
def test_no_container_and_no_folder_is_asked_for_by_a_path(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    """Nobody is at home in Azure: what is asked for there is answered with 424 or 503."""
    containers = f"/api/v8.1/cloudInfrastructure/storageAccounts/{home.storage_id}/containers"
    body = {"name": name, "accountId": home.account_id}
    made = home.client.post(containers, json=body, headers=headers)
    assert made.status_code == 400, made.text
    escaped = quote(name, safe="").replace(".", "%2E")  # as it is, a client would resolve it
    for path in (escaped, f"{escaped}/folders", f"backups/folders/{escaped}"):
        answer = home.client.get(f"{containers}/{path}", headers=headers)
        assert answer.status_code in (400, 404), (path, answer.text)


FORMULA = "=cmd|' /C calc'!A0"
NO_TABLES = ("System_ExportLogs",)  # and the roles, which are programs
LISTS = sorted(
    name
    for name, route in routes().items()
    if route.operation.success.media_type == FILE
    and "Permissions" not in name
    and name not in NO_TABLES
)


@pytest.fixture(scope="module")
def of_formulas(home: Inhabited, headers: dict[str, str]) -> Inhabited:
    """An appliance in which everything that has a name is called after a formula."""
    account = {"kind": "Smtp", "name": "mail", "username": "sender", "password": "secret"}
    made = home.client.post("/api/v8.1/accounts/standard", json=account, headers=headers)
    assert made.status_code == 201, made.text
    # As if they had been let in, or had come from Azure.
    with home.database.writing() as db:
        for row, members in (
            (UserRow, ("description",)),
            (ServiceAccountRow, ("name", "description", "tenant_name")),
            (StandardAccountRow, ("name", "description", "username")),
            (RepositoryRow, ("name", "description", "hint")),
            (ProtectedMachineRow, ("name",)),
            (SessionRow, ("policy_name", "repository_name", "reason")),
        ):
            db.execute(update(row).values(dict.fromkeys(members, FORMULA)))
        lately = {"point_in_time": datetime.now(UTC), "policy_id": home.policy_id}
        db.execute(update(RestorePointRow).values(lately))  # counts for the licence
    return home


@pytest.mark.parametrize("name", LISTS)
def test_no_cell_of_any_exported_list_is_a_formula(
    of_formulas: Inhabited, headers: dict[str, str], name: str
) -> None:
    path = routes()[name].operation.path
    answer = of_formulas.client.post(path, json={}, headers=headers)
    assert answer.status_code == 200, answer.text
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert f"'{FORMULA}" in [cell for row in rows for cell in row]
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")), cell
