"""The daily look at everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from kyanite.areas.accounts.credentials import Credential
from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.areas.inventory import MachineFilter, machines_query, rescan_job, store
from kyanite.base.clock import ManualClock
from kyanite.durable.start import NewSession, start_session
from kyanite.durable.timetable import Timetable
from support.azure_parts import SECRETS, AzureParts
from support.jobs import carrying_out, read_log, wait_until_final


def run(parts: AzureParts) -> tuple[str, list[tuple[str, str]]]:
    """Run the job; the session's status and its log."""
    job = rescan_job.RescanInventory(parts.inventory, parts.accounts)
    with carrying_out(parts.database, {rescan_job.RESCAN_JOB: job}):
        with parts.database.writing() as db:
            new = NewSession("InfrastructureRescan", rescan_job.RESCAN_JOB)
            session_id = start_session(db, new)
        status = wait_until_final(parts.database, session_id)
    return status, read_log(parts.database, session_id)


def test_it_finds_what_was_not_known(parts: AzureParts) -> None:
    account_id = parts.save_account()
    with parts.database.writing() as db:
        store.forget_account(db, account_id)
    status, log = run(parts)
    assert status == "Success", log
    with parts.database.reading() as db:
        assert machines_query(db, MachineFilter(account_id=account_id))


def test_an_account_that_cannot_look_does_not_keep_the_others_from_it(parts: AzureParts) -> None:
    good, bad = parts.save_account("good"), parts.save_account("bad")
    with parts.database.writing() as db:
        store.forget_account(db, good)
        row = db.get_one(ServiceAccountRow, bad)
        row.credential_sealed = Credential(secret="revoked").seal(SECRETS, bad)
    status, log = run(parts)
    assert status == "Warning", log
    assert [s for s, message in log if "as bad" in message] == ["Warning"]
    with parts.database.reading() as db:
        assert machines_query(db, MachineFilter(account_id=good))


def sessions(parts: AzureParts) -> int:
    """How many sessions there are."""
    count = parts.get("/jobSessions", Types="InfrastructureRescan")["totalCount"]
    assert isinstance(count, int)
    return count


def test_it_is_started_once_a_day_when_there_is_an_account(parts: AzureParts) -> None:
    clock = ManualClock(datetime(2026, 2, 3, 10, 0, tzinfo=UTC))
    timetable = Timetable(
        parts.database,
        rescan_job.schedule_kinds(),
        clock=clock,
        zone=lambda _db: ZoneInfo("Europe/Berlin"),
    )
    with parts.database.writing() as db:
        rescan_job.ensure_chores(db, timetable)
        rescan_job.ensure_chores(db, timetable)
        assert timetable.next_at(db, rescan_job.SCHEDULE_ID) == datetime(
            2026, 2, 3, 22, 30, tzinfo=UTC
        )
    clock.advance(timedelta(hours=13))
    timetable.tick()
    assert sessions(parts) == 0
    parts.save_account()
    clock.advance(timedelta(hours=24))
    timetable.tick()
    timetable.tick()
    assert sessions(parts) == 1
