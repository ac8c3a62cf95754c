"""Who counts as alive."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kyanite.base.clock import SystemClock
from kyanite.base.errors import LeaseLost
from kyanite.db.database import DATABASE_AWAY, Database
from kyanite.durable.claim import claim
from kyanite.durable.fence import fenced
from kyanite.durable.job_tables import ExecutorRow, JobRow
from kyanite.durable.lease import (
    ALIVE,
    DEAD,
    Membership,
    Timing,
    Watch,
    declare,
    host_name,
    is_gone,
    this_process,
)
from kyanite.durable.queue import Attempt, queue_of
from kyanite.durable.takeover import sweep, sweep_queue, take_over
from support.jobs import QUICK, start
from support.waiting import eventually

TIMING = Timing(beat_seconds=1, silent_beats=8, margin_seconds=1)


def member(host: str, pid: int, started: int) -> ExecutorRow:
    return ExecutorRow(host=host, process_id=pid, process_started=started)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def test_a_member_is_silent_when_its_beat_has_not_moved_for_all_beats_of_a_lease() -> None:
    watch = Watch(TIMING)
    for own in range(20):
        silent = watch.silent({"lives": own, "frozen": min(own, 5)}, own)
        assert silent == (set() if own < 5 + 8 else {"frozen"})


def test_a_watcher_that_cannot_beat_itself_declares_nobody_dead() -> None:
    watch = Watch(TIMING)
    for _ in range(100):
        assert watch.silent({"a": 1}, 7) == set()


def test_a_member_whose_beat_moves_again_is_watched_anew() -> None:
    watch = Watch(TIMING)
    for own in range(8):
        watch.silent({"a": 1}, own)
    for own in range(8, 16):
        assert watch.silent({"a": 2}, own) == set()


def test_a_process_stops_trusting_its_lease_before_others_may_declare_it_dead() -> None:
    for timing in (Timing(), QUICK):
        assert timing.trust_seconds > 3 * timing.beat_seconds
        assert timing.trust_seconds < (timing.silent_beats - 1) * timing.beat_seconds


def test_a_process_of_this_host_that_is_gone_is_dead_at_once() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    us = this_process()
    started = int(_stat(process.pid)[19])
    row = member(host_name(), process.pid, started)
    assert not is_gone(row)
    assert is_gone(member(host_name(), process.pid, started - 1)), "the pid was used again"
    process.kill()
    eventually(lambda: _stat(process.pid)[0] == "Z")
    assert is_gone(row), "a corpse that nobody has buried"
    process.wait()
    assert is_gone(row)
    assert not is_gone(member("another host", process.pid, started))
    assert not is_gone(member(us.host, os.getpid(), us.started))


def test_a_member_declared_dead_can_neither_beat_nor_claim(database: Database) -> None:
    membership = Membership(database, "queue", QUICK)
    executor_id = membership.join()
    assert membership.beat()
    assert membership.holds(executor_id)
    session_id = start(database, "job")
    with database.writing() as db:
        declare(db, executor_id, DEAD)
    assert not membership.beat()
    assert claim(database, Attempt(session_id, 1), executor_id) is None
    fresh = membership.join()
    assert not membership.holds(executor_id)
    assert claim(database, Attempt(session_id, 1), fresh) is not None
    assert claim(database, Attempt(session_id, 1), fresh) is None, "claimed already"


def test_after_a_takeover_the_former_holder_can_write_nothing(database: Database) -> None:
    membership = Membership(database, "queue", QUICK)
    session_id = start(database, "job")
    attempt = Attempt(session_id, 1)
    assert claim(database, attempt, membership.join()) is not None
    with fenced(database, attempt) as db:
        db.get_one(JobRow, session_id).error = "written by the holder"
    assert take_over(database, attempt, holder=membership.id)
    with pytest.raises(LeaseLost), fenced(database, attempt) as db:
        db.get_one(JobRow, session_id).error = "written by the former holder"
    with database.reading() as db:
        job = db.get_one(JobRow, session_id)
    assert (job.epoch, job.state, job.error) == (2, "queued", "written by the holder")


def test_a_job_of_a_dead_member_is_queued_again_by_the_sweeper(database: Database) -> None:
    dead = Membership(database, "dead queue", QUICK)
    session_id = start(database, "job")
    assert claim(database, Attempt(session_id, 1), dead.join()) is not None
    watch = Watch(QUICK)
    for own in range(QUICK.silent_beats + 1):
        sweep(database, watch, own)
    with database.reading() as db:
        assert db.get_one(JobRow, session_id).epoch == 2
        assert db.get_one(ExecutorRow, dead.id).state == DEAD


def test_a_living_member_keeps_its_jobs_whatever_the_sweeper_does(database: Database) -> None:
    alive = Membership(database, "queue", QUICK)
    session_id = start(database, "job")
    assert claim(database, Attempt(session_id, 1), alive.join()) is not None
    watch = Watch(QUICK)
    for own in range(3 * QUICK.silent_beats):
        assert alive.beat()
        sweep(database, watch, own)
    sweep_queue(database)
    with database.reading() as db:
        assert db.get_one(JobRow, session_id).epoch == 1
        assert db.get_one(ExecutorRow, alive.id).state == ALIVE


def test_a_queued_job_that_the_queue_has_lost_is_queued_again(database: Database) -> None:
    session_id = start(database, "job")
    queue_of(database).discard([Attempt(session_id, 1)])
    with database.writing() as db:
        job = db.get_one(JobRow, session_id)
        job.queued_at = SystemClock().now().replace(year=2020)
    sweep_queue(database)
    assert queue_of(database).open_among([Attempt(session_id, 2)])


def test_a_process_frozen_inside_a_transaction_does_not_keep_its_job_from_being_taken_over(
    database: Database,
) -> None:
    if database.kind == "sqlite":
        pytest.skip("SQLite's lock of the file lasts as long as the process that holds it")
    session_id = start(database, "job")
    membership = Membership(database, "queue", QUICK)
    assert claim(database, Attempt(session_id, 1), membership.join()) is not None
    locked, taken_over = threading.Event(), threading.Event()
    errors: list[Exception] = []

    def freeze_inside() -> None:
        try:
            with fenced(database, Attempt(session_id, 1)) as db:
                db.get_one(JobRow, session_id).error = "too late"
                locked.set()
                assert taken_over.wait(30)
        except Exception as error:
            errors.append(error)

    frozen = threading.Thread(target=freeze_inside)
    frozen.start()
    assert locked.wait(10)
    assert take_over(database, Attempt(session_id, 1), holder=membership.id)
    taken_over.set()
    frozen.join()
    assert [isinstance(error, DATABASE_AWAY) for error in errors] == [True]
    with database.reading() as db:
        assert db.get_one(JobRow, session_id).error is None
