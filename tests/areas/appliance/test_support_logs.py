"""The archive for support: what happened in a window of time, and no secret."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kyanite.areas.appliance.log_files import LogFolder
from kyanite.areas.appliance.routes import routers
from kyanite.db.database import Database
from kyanite.durable.session_log import write_line
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.sessions import SessionStatus
from support.api import START, ApiUnderTest

LOGS = "/api/v8.1/system/logs"
SECRET = "hunter2-hunter2"


class Archives:
    def __init__(self, database: Database, folder: Path) -> None:
        self.api = ApiUnderTest(database, routers())
        self.logs = LogFolder(folder)
        self.logs.prepare(START)
        self.api.provisions.add(self.logs)

    def line(self, days_ago: float, **members: object) -> None:
        at = (START - timedelta(days=days_ago)).isoformat()
        with self.logs.file_of("serve").open("a") as file:
            file.write(json.dumps({"event": "x", "timestamp": at, **members}) + "\n")

    def session(self, days_ago: float) -> str:
        name = f"session-{days_ago}"
        with self.api.database.writing() as db:
            at = START - timedelta(days=days_ago)
            db.add(
                SessionRow(
                    id=name, type="PolicyBackup", status="Success", created_at=at, began_at=at
                )
            )
            db.flush()
            message = f"read https://x.example.org/disk?sig={SECRET} in full"
            write_line(db, name, key="1", status=SessionStatus.SUCCESS, message=message)
        return name

    def get(self, **query: str | int) -> tuple[int, dict[str, bytes]]:
        answer = self.api.client.get(LOGS, headers=self.api.signed_in(), params=query)
        if answer.status_code != 200:
            return answer.status_code, {}
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].endswith('.zip"')
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        assert archive.testzip() is None
        return 200, {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def archives(database: Database, tmp_path: Path) -> Iterator[Archives]:
    archives = Archives(database, tmp_path / "logs")
    yield archives
    archives.api.close()


def test_the_archive_has_the_lines_and_sessions_of_the_asked_days(archives: Archives) -> None:
    archives.line(10, n=10)
    archives.line(2, n=2)
    archives.line(0.5, n=0)
    new, old = archives.session(1), archives.session(20)
    status, files = archives.get(ExportLogsType="LastDays", Days=7)
    assert status == 200
    assert [json.loads(one)["n"] for one in files["logs/serve.jsonl"].splitlines()] == [2, 0]
    assert [json.loads(one)["id"] for one in files["sessions.jsonl"].splitlines()] == [new]
    assert json.loads(files["about.json"])["installation"]
    _, files = archives.get(
        ExportLogsType="BetweenDates", FromDateUtc="2026-01-01", ToDateUtc="2026-01-26"
    )
    assert [json.loads(one)["n"] for one in files["logs/serve.jsonl"].splitlines()] == [10]
    assert [json.loads(one)["id"] for one in files["sessions.jsonl"].splitlines()] == [old]


def test_there_is_no_secret_in_it(archives: Archives) -> None:
    archives.line(1, url=f"https://x.example.org/disk?sv=1&sig={SECRET}")
    archives.line(1, header=f"Authorization: Bearer {SECRET}")
    archives.line(1, body=json.dumps({"password": SECRET}))
    archives.session(1)
    _, files = archives.get(ExportLogsType="LastDays", Days=7)
    assert len(files["logs/serve.jsonl"].splitlines()) == 3
    for content in files.values():
        assert SECRET.encode() not in content


def test_a_window_in_which_nothing_happened_is_204(archives: Archives) -> None:
    archives.line(5)
    archives.logs.file_of("other").write_bytes(b"not of ours\n\xff\xfe\n{}\n[]\n")
    assert archives.get(ExportLogsType="LastDays", Days=1)[0] == 204


@pytest.mark.parametrize(
    "query",
    [
        {"Days": 7},
        {"ExportLogsType": "LastDays"},
        {"ExportLogsType": "LastDays", "Days": 0},
        {"ExportLogsType": "LastDays", "Days": 2147483647},
        {"ExportLogsType": "BetweenDates", "FromDateUtc": "2026-01-01"},
        {"ExportLogsType": "BetweenDates", "ToDateUtc": "2026-01-01"},
        {
            "ExportLogsType": "BetweenDates",
            "FromDateUtc": "2026-01-02",
            "ToDateUtc": "2026-01-01",
        },
        {"ExportLogsType": "Unknown"},
    ],
)
def test_a_window_that_is_none_is_refused(archives: Archives, query: dict[str, str | int]) -> None:
    assert archives.get(**query)[0] == 400
