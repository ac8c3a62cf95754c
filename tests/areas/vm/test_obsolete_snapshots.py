"""The rule for obsolete snapshots (docs/behaviour/appliance.md, section 4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from kyanite.areas.appliance.retention_settings import RetentionAges, set_retention_ages
from kyanite.areas.vm.chores import (
    OBSOLETE_ID,
    OBSOLETE_KIND,
    start_obsolete_snapshots,
)
from kyanite.areas.vm.jobs.obsolete_snapshots import OBSOLETE_SNAPSHOTS, remove_obsolete_snapshots
from kyanite.areas.vm.points import BACKUP, MANUAL_SNAPSHOT, SNAPSHOT
from kyanite.base.clock import SystemClock
from kyanite.db.database import Database
from kyanite.durable.session_tables import SessionRow
from kyanite.durable.timetable import Schedule
from kyanite.rules.retention import Age, AgeUnit
from kyanite.rules.schedule import Slot
from support.jobs import carrying_out, read_log, wait_until_final
from support.past_points import known_machine, past_point

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def start(database: Database) -> list[str]:
    """What the timetable does every night; the sessions there are afterwards."""
    with database.writing() as db:
        schedule = Schedule(OBSOLETE_ID, OBSOLETE_KIND, {})
        start_obsolete_snapshots(db, schedule, Slot(NOW, frozenset()))
        return list(db.scalars(select(SessionRow.id)))


def test_while_snapshots_are_kept_for_ever_no_session_is_started(database: Database) -> None:
    assert start(database) == []


def test_only_old_snapshots_of_policies_are_chosen(database: Database) -> None:
    age = Age(20, AgeUnit.DAYS)
    with database.writing() as db:
        set_retention_ages(db, RetentionAges(obsolete_snapshots=age), SystemClock())
        machine_id = known_machine(db, "web")
        # No account reaches this machine: what is chosen is told apart by the warning.
        past_point(db, machine_id, NOW - 21 * DAY, destination=SNAPSHOT)
        past_point(db, machine_id, NOW - 30 * DAY, destination=SNAPSHOT, flags="None")
        past_point(db, machine_id, NOW - 19 * DAY, destination=SNAPSHOT)
        past_point(db, machine_id, NOW - 30 * DAY, destination=MANUAL_SNAPSHOT)
        past_point(db, machine_id, NOW - 30 * DAY, destination=BACKUP)
    (session_id,) = start(database)
    with carrying_out(database, {OBSOLETE_SNAPSHOTS: remove_obsolete_snapshots}):
        assert wait_until_final(database, session_id) == "Warning"
    with database.reading() as db:
        assert db.get_one(SessionRow, session_id).type == "ObsoleteSnapshotRetention"
    lines = [message for _, message in read_log(database, session_id)]
    assert "2 snapshots are older than 20 days" in lines
    stays = [line for line in lines if "stays: no service account reaches it" in line]
    assert [f"{NOW - days * DAY:%F}" in line for days, line in zip((30, 21), stays, strict=True)]
    assert len(stays) == 2
