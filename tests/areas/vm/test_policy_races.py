"""A policy that is started and deleted at the same moment: one of the two happens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kyanite.areas.sessions import active_sessions
from kyanite.areas.vm.policies import Policies
from kyanite.areas.vm.policy_queries import find_policy
from kyanite.areas.vm.policy_runs import start_by_hand
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.clock import SystemClock
from kyanite.base.errors import Conflict, NotFound
from kyanite.db.database import Database
from kyanite.durable.timetable import Timetable

NAMES = [f"policy-{number}" for number in range(8)]


@pytest.fixture
def policies(database: Database) -> Policies:
    with database.writing() as db:
        for priority, name in enumerate(NAMES, start=1):
            db.add(
                PolicyRow(
                    id=name,
                    name=name,
                    priority=priority,
                    is_enabled=True,
                    tenant_id="t",
                    service_account_id="a",
                    settings={},
                    created_at=datetime(2026, 1, 1, tzinfo=UTC),
                )
            )
    clock = SystemClock()
    return Policies(Timetable(database, {}, clock=clock, zone=lambda _db: ZoneInfo("UTC")), clock)


def test_of_start_and_delete_of_a_policy_one_wins(
    database: Database,
    policies: Policies,
) -> None:
    for name in NAMES:
        barrier = threading.Barrier(2)

        def start(name: str = name, barrier: threading.Barrier = barrier) -> object:
            barrier.wait(20)
            try:
                with database.writing() as db:
                    return start_by_hand(db, name, "alice")
            except NotFound as error:
                return error

        def delete(name: str = name, barrier: threading.Barrier = barrier) -> object:
            barrier.wait(20)
            try:
                with database.writing() as db:
                    policies.delete(db, name)
            except Conflict as error:
                return error
            return None

        with ThreadPoolExecutor(2) as pool:
            started, deleted = pool.submit(start), pool.submit(delete)
            start_answer, delete_answer = started.result(30), deleted.result(30)
        with database.reading() as db:
            exists = find_policy(db, name) is not None
            running = active_sessions(db, name)
        if exists:
            assert isinstance(delete_answer, Conflict)
            assert start_answer == running
            assert delete_answer.session_id in running
        else:
            assert isinstance(start_answer, NotFound)
            assert delete_answer is None
            assert running == []
