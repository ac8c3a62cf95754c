"""What is known of machines' backups follows their repository; snapshots nobody knows are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import select

from kyanite.areas.repositories import Repositories
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs import marks
from kyanite.areas.vm.jobs.backups import BACKUP_MACHINE
from kyanite.areas.vm.points import SNAPSHOT
from kyanite.areas.vm.repository_follower import MachinesFollower
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.durable.job_tables import JobRow, JobState
from kyanite.durable.start import NewSession, start_session
from support.past_points import SUBSCRIPTION, known_machine, past_point

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
FOLLOWER = MachinesFollower(cast(Repositories, None))  # what is asked here needs no repository


def test_points_that_are_gone_are_forgotten_and_their_machine_with_the_last(
    database: Database,
) -> None:
    with database.writing() as db:
        machine_id = known_machine(db, "web")
        first, second = past_point(db, machine_id, NOW), past_point(db, machine_id, NOW)
    with database.writing() as db:
        assert FOLLOWER.known_points(db, "r") == {first, second}
        assert FOLLOWER.forget_gone(db, "r", {first, "never known"}) == 1
        assert FOLLOWER.known_points(db, "r") == {second}
        assert db.get(ProtectedMachineRow, machine_id) is not None
        assert FOLLOWER.forget_gone(db, "another", {second}) == 0
        assert FOLLOWER.forget_gone(db, "r", {second}) == 1
        assert db.get(ProtectedMachineRow, machine_id) is None


def test_a_backup_that_runs_again_is_not_built_on_its_own_point(database: Database) -> None:
    """A look into the repository has entered it since the backup was killed."""
    with database.writing() as db:
        machine_id = known_machine(db, "web")
        parent = past_point(db, machine_id, NOW)
        own = past_point(db, machine_id, NOW + timedelta(hours=1))
        found = points.latest_backup(db, machine_id, "r", before=own)
        assert found is not None
        assert found.id == parent
        another = points.latest_backup(db, machine_id, "r", before=new_id())
        assert another is not None
        assert another.id == own


def test_imported_points_follow_the_policy_that_protects_their_machine_now(
    database: Database,
) -> None:
    with database.writing() as db:
        web, mail = known_machine(db, "web"), known_machine(db, "mail")
        imported, elsewhere = past_point(db, web, NOW), past_point(db, mail, NOW)
        own = past_point(db, web, NOW)
        db.get_one(RestorePointRow, own).policy_id = "of before"
        points.hand_to_policy(db, web, "r", "of now")
        policies = dict(db.execute(select(RestorePointRow.id, RestorePointRow.policy_id)).all())
    assert policies == {imported: "of now", elsewhere: None, own: "of before"}


def test_only_backup_jobs_that_have_not_ended_may_still_write(database: Database) -> None:
    with database.writing() as db:
        session_id = start_session(db, NewSession(type="PolicyBackup", job="vm.backup"))
        for machine, state, repository in (
            ("m1", JobState.RUNNING, "r"),
            ("m2", JobState.WAITING, "r"),
            ("m3", JobState.FAILED, "r"),
            ("m4", JobState.RUNNING, "another"),
        ):
            payload = {"machineId": machine, "attempt": 1, "repositoryId": repository}
            db.add(
                JobRow(
                    id=new_id(),
                    session_id=session_id,
                    parent_id=session_id,
                    key=f"{machine}/1",
                    kind=BACKUP_MACHINE,
                    payload=payload,
                    state=state,
                    created_at=NOW,
                )
            )
    with database.reading() as db:
        assert FOLLOWER.writing_sessions(db, "r") == {
            marks.point_id(session_id, machine, 1) for machine in ("m1", "m2")
        }


def test_snapshots_of_known_points_and_of_sessions_at_work_are_wanted(database: Database) -> None:
    with database.writing() as db:
        machine_id = known_machine(db, "web")
        point_id = past_point(db, machine_id, NOW - timedelta(days=1), destination=SNAPSHOT)
        session_id = start_session(db, NewSession(type="PolicySnapshot", job="vm.snapshot"))
        assert points.wanted_snapshots(db, {point_id, "p"}, {session_id, "s"}) == {
            point_id,
            session_id,
        }
        assert points.protected_subscriptions(db) == {}, "no account reaches the machine"
        db.get_one(ProtectedMachineRow, machine_id).service_account_id = "a"
        assert points.protected_subscriptions(db) == {"a": {SUBSCRIPTION}}
