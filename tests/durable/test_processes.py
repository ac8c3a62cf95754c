"""Processes that carry out jobs are killed, frozen and replaced; sessions end right."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from kyanite.db.database import Database
from kyanite.durable.stop import stop_session
from support.databases import LATER_KINDS
from support.durable_worker import Journal
from support.jobs import (
    job_result,
    read_log,
    read_session,
    start,
    wait_for_status,
    wait_until_final,
)
from support.waiting import eventually

TESTS = Path(__file__).parent.parent
WORKER = "support.durable_worker"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


@pytest.fixture
def start_worker(database_url: str, tmp_path: Path, journal: Journal) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start_one(*options: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", WORKER, database_url, str(tmp_path), *options],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdout=subprocess.DEVNULL,
        )
        started.append(process)
        eventually(
            lambda: ["ready", str(process.pid)] in journal.read() or process.poll() is not None,
            within_seconds=60,
        )
        assert process.poll() is None
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()


# What differs between the databases is covered by the other tests, and processes start slowly.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LATER_ON_POSTGRESQL = pytest.mark.parametrize("database_url", LATER_KINDS, indirect=True)


def lines(journal: Journal, word: str) -> list[list[str]]:
    return [line for line in journal.read() if line[0] == word]


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


EXPECTED_LOG = [
    ("Success", "Session started"),
    ("Success", "Machines chosen"),
    ("Success", "Copying vm0"),
    ("Success", "Copying vm1"),
    ("Success", "Points published"),
]


def test_a_killed_process_started_again_ends_the_session_as_if_nothing_had_happened(
    database: Database, start_worker: Start, journal: Journal, tmp_path: Path
) -> None:
    first = start_worker()
    session_id = start(database, "policy", {"machines": 2})
    eventually(lambda: len(lines(journal, "begin")) == 2)
    kill(first)
    (tmp_path / "go").touch()
    start_worker()
    assert wait_until_final(database, session_id) == "Success"
    with database.reading() as db:
        assert job_result(db, session_id) == ["vm0", "vm1"]
    log = read_log(database, session_id)
    assert sorted(log) == sorted(EXPECTED_LOG)
    assert log[0] == EXPECTED_LOG[0]
    assert log[-1] == EXPECTED_LOG[-1]
    assert len(lines(journal, "choose")) == 1
    assert sorted(line[1:3] for line in lines(journal, "end")) == [["vm0", "2"], ["vm1", "2"]]


@ON_SQLITE
def test_a_build_with_one_more_step_continues_the_session_of_the_build_before(
    database: Database, start_worker: Start, journal: Journal, tmp_path: Path
) -> None:
    old = start_worker()
    session_id = start(database, "policy", {"machines": 1})
    eventually(lambda: lines(journal, "begin"))
    kill(old)
    (tmp_path / "go").touch()
    start_worker("--build", "2")
    assert wait_until_final(database, session_id) == "Success"
    assert len(lines(journal, "choose")) == 1
    assert len(lines(journal, "retire")) == 1
    assert len(lines(journal, "publish")) == 1


def test_when_one_of_two_processes_dies_the_other_continues_its_work_within_the_limit(
    database: Database, start_worker: Start, journal: Journal, tmp_path: Path
) -> None:
    workers = {process.pid: process for process in (start_worker(), start_worker())}
    session_id = start(database, "policy", {"machines": 3, "limit": 1})
    killed: set[int] = set()
    for number in range(3):
        eventually(lambda: len(_unended(journal, killed)) == 1)
        key, pid = _unended(journal, killed)[0]
        if number == 0:
            killed.add(pid)
            kill(workers[pid])
            eventually(lambda: _unended(journal, killed), within_seconds=30)
            key, pid = _unended(journal, killed)[0]
        (tmp_path / f"go-{key}").touch()
        eventually(partial(_has_ended, journal, key))
    assert wait_until_final(database, session_id) == "Success"
    assert _most_at_work(journal, killed) == 1


@LATER_ON_POSTGRESQL
def test_a_frozen_process_is_replaced_and_has_no_effect_when_it_thaws(
    database: Database, start_worker: Start, journal: Journal, tmp_path: Path
) -> None:
    frozen = start_worker()
    session_id = start(database, "policy", {"machines": 2})
    eventually(lambda: len(lines(journal, "begin")) == 2)
    other = start_worker()
    _freeze(database, frozen)
    eventually(lambda: len(lines(journal, "begin")) == 4, within_seconds=30)
    (tmp_path / "go").touch()
    assert wait_until_final(database, session_id) == "Success"
    before = _everything(database)
    frozen.send_signal(signal.SIGCONT)
    eventually(lambda: _lives_again(database, frozen.pid), within_seconds=20)
    # It takes new work: so its threads have passed the point where they could do harm.
    again = start(database, "policy", {"machines": 16, "prefix": "more"})
    assert wait_until_final(database, again) == "Success"
    assert _everything(database, without=again) == before
    ended = [line[1:] for line in lines(journal, "end") if line[1].startswith("vm")]
    assert {pid for _, _, pid in ended} == {str(other.pid)}
    assert sorted(read_log(database, session_id)) == sorted(EXPECTED_LOG)


@ON_SQLITE
def test_a_session_being_stopped_while_its_process_is_killed_is_cleaned_up_and_canceled(
    database: Database, start_worker: Start, journal: Journal
) -> None:
    first = start_worker()
    session_id = start(database, "policy", {"machines": 2, "limit": 1})
    eventually(lambda: lines(journal, "begin"))
    os.kill(first.pid, signal.SIGSTOP)
    with database.writing() as db:
        stop_session(db, session_id)
    kill(first)
    start_worker()
    assert wait_until_final(database, session_id) == "Canceled"
    assert [line[1] for line in lines(journal, "clean")] == ["vm0"]
    assert {line[1] for line in lines(journal, "begin")} == {"vm0"}


@ON_SQLITE
def test_a_process_told_to_end_leaves_its_work_at_once(
    database: Database, start_worker: Start, journal: Journal, tmp_path: Path
) -> None:
    first = start_worker()
    session_id = start(database, "policy", {"machines": 2})
    eventually(lambda: len(lines(journal, "begin")) == 2)
    first.terminate()
    assert first.wait(timeout=20) == 0
    assert read_session(database, session_id).status == "Running"
    (tmp_path / "go").touch()
    start_worker()
    wait_for_status(database, session_id, "Success")


def _has_ended(journal: Journal, key: str) -> bool:
    return any(line[1] == key for line in lines(journal, "end"))


def _freeze(database: Database, process: subprocess.Popen[bytes]) -> None:
    """Stop the process, but not in the instant in which it holds SQLite's lock of the file.

    Nobody can write then until it thaws; that is a limit of SQLite, not of the sessions.
    """

    def stopped_without_lock() -> bool:
        process.send_signal(signal.SIGSTOP)
        if database.kind == "postgresql":
            return True
        path = database.engine.url.database
        assert path is not None
        connection = sqlite3.connect(path, timeout=1, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE").connection.rollback()
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
            return False
        finally:
            connection.close()
        return True

    eventually(stopped_without_lock)


def _lives_again(database: Database, pid: int) -> bool:
    with database.reading() as db:
        states = db.execute(
            text("SELECT state FROM executors WHERE process_id = :pid"), {"pid": pid}
        ).scalars()
        return sorted(states) == ["alive", "dead"]


def _everything(database: Database, without: str = "") -> list[object]:
    tables = {
        "sessions": "id",
        "jobs": "session_id",
        "session_log": "session_id",
        "session_items": "session_id",
    }
    with database.reading() as db:
        return [
            tuple(row)
            for table, column in tables.items()
            for row in db.execute(
                text(f"SELECT * FROM {table} WHERE {column} <> :without ORDER BY id"),
                {"without": without},
            )
        ]


def _unended(journal: Journal, killed: set[int]) -> list[tuple[str, int]]:
    """Copies that have begun and not ended, of processes that live."""
    open_copies: list[tuple[str, int]] = []
    for line in journal.read():
        if line[0] == "begin":
            open_copies.append((line[1], int(line[3])))
        if line[0] == "end":
            open_copies.remove((line[1], int(line[3])))
    return [copy for copy in open_copies if copy[1] not in killed]


def _most_at_work(journal: Journal, killed: set[int]) -> int:
    at_work: set[tuple[str, str]] = set()
    most = 0
    for line in journal.read():
        if line[0] == "begin":
            # What a killed process had begun ended with it.
            at_work = {copy for copy in at_work if int(copy[1]) not in killed}
            at_work.add((line[1], line[3]))
            most = max(most, len(at_work))
        if line[0] == "end":
            at_work.discard((line[1], line[3]))
    return most
