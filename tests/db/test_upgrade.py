"""Databases of earlier versions are upgraded with everything in them.

`first_path/rows.json` is what the appliance of the first path had in its database after a story
in the lab: an account, a repository, two policies, two runs, a deleted backup, three sign-ins of
which one was ended. `answers.json` is what its API said then. Both were made by that version.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import inspect

from kyanite.base.clock import ManualClock
from kyanite.base.settings import Settings
from kyanite.db.database import Database
from kyanite.db.migrate import differences, upgrade
from kyanite.server.app import build
from kyanite.server.wiring import wire
from support.databases import import_all_tables
from support.old_rows import put_rows

FIRST_PATH = Path(__file__).parent / "first_path"
SAID = json.loads((FIRST_PATH / "answers.json").read_text())
SOON_AFTER = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)
PASSWORD = "Correct-horse-9-battery"


@pytest.fixture
def old_database(empty_database: Database) -> Database:
    """A database as the first path left it."""
    upgrade(empty_database, "0001")
    put_rows(empty_database, FIRST_PATH / "rows.json")
    return empty_database


@pytest.fixture
def client(old_database: Database, tmp_path: Path) -> Iterator[TestClient]:
    """The API of today over that database."""
    folder = tmp_path / "appliance"
    folder.mkdir(mode=0o700)
    shutil.copy(FIRST_PATH / "master.key", folder)
    (folder / "master.key").chmod(0o600)
    settings = Settings(
        data_dir=folder, database_url=old_database.url, arm_endpoint="https://127.0.0.1:9"
    )
    appliance = wire(settings, clock=ManualClock(SOON_AFTER))
    yield TestClient(build(appliance.provisions), base_url="https://appliance.example.org")
    appliance.stop()


def test_an_upgraded_database_has_the_tables_of_today_and_every_row(
    empty_database: Database,
) -> None:
    import_all_tables()
    upgrade(empty_database, "0001")
    numbers = put_rows(empty_database, FIRST_PATH / "rows.json")
    upgrade(empty_database)
    assert differences(empty_database) == []
    with empty_database.reading() as db:
        for table, number in numbers.items():
            found = db.connection().exec_driver_sql(f'SELECT COUNT(*) FROM "{table}"').scalar()
            assert found == number, table
    columns = {c["name"]: c for c in inspect(empty_database.engine).get_columns("sessions")}
    assert columns["began_at"]["nullable"] is False
    assert columns["began_at"]["default"] is None


def test_the_api_says_after_an_upgrade_what_it_said_before(client: TestClient) -> None:
    for path, said in SAID["answers"].items():
        answer = client.get(f"/api/v8.1{path}?Limit=-1", headers=_bearer("kept"))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["totalCount"] == said["totalCount"], path
        for before, now in zip(said["results"], found["results"], strict=True):
            assert _told(now, before) == before, path
    for name in ("nightly", "first", "shop-old"):
        answer = client.get(f"/api/v8.1/jobSessions?SearchPattern={name}", headers=_bearer("kept"))
        assert answer.json()["totalCount"] > 0, f"sessions are found by {name}"


def test_sign_ins_from_before_an_upgrade_hold_and_those_that_were_ended_stay_so(
    client: TestClient,
) -> None:
    assert client.get("/api/v8.1/jobSessions", headers=_bearer("kept")).status_code == 200
    assert client.get("/api/v8.1/jobSessions", headers=_bearer("revoked")).status_code == 401
    for name, status in (("kept", 200), ("revoked", 401)):
        form = {
            "grant_type": "Refresh_token",
            "refresh_token": SAID["tokens"][name]["refresh_token"],
        }
        assert client.post("/api/oauth2/token", data=form).status_code == status
    form = {"grant_type": "Password", "username": "admin", "password": PASSWORD}
    assert client.post("/api/oauth2/token", data=form).status_code == 200


def _bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {SAID['tokens'][name]['access_token']}"}


def _told(now: Any, before: Any) -> Any:
    """What is told now of the members that were told before."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {name: _told(now.get(name), value) for name, value in before.items()}
    if isinstance(before, list) and isinstance(now, list) and len(now) == len(before):
        return [_told(*pair) for pair in zip(now, before, strict=True)]
    return now
