"""Which snapshots and backups stay after a run, and which machines are tried again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.repositories import Repositories
from kyanite.areas.vm.jobs.attempts import RETRY_SECONDS, over_machines
from kyanite.areas.vm.jobs.backup_retention import retain_backups
from kyanite.areas.vm.jobs.retire import retire_snapshots
from kyanite.areas.vm.tables import PolicyRow, RestorePointRow
from kyanite.base.clock import ManualClock
from kyanite.base.errors import Denied
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, JsonValue, as_int, as_object, as_text
from kyanite.durable.children import Child
from kyanite.durable.context import JobContext
from kyanite.durable.job_tables import JobRow
from kyanite.rules.retention import Flag
from support.inhabited import Inhabited, inhabited
from support.jobs import carrying_out, read_log, start, wait_until_final
from support.waiting import eventually

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    with inhabited(tmp_path_factory.mktemp("appliance")) as home:
        yield home


class NoAzure:
    """An Azure in which these points have no snapshots left to remove."""

    def arm_client(self, _account_id: str) -> NoAzure:
        return self

    def with_check(self, _check: object) -> NoAzure:
        return self


def add_point(home: Inhabited, age: timedelta, **members: Any) -> str:
    """A restore point of the machine, by default a snapshot of a policy; its id."""
    point_id = new_id()
    row: dict[str, Any] = {
        "id": point_id,
        "machine_id": home.machine_id,
        "destination": "Snapshot",
        "kind": "Unknown",
        "state": "NotApplicable",
        "point_in_time": NOW - age,
        "flags": "Daily",
        "policy_id": home.policy_id,
        "policy_name": "daily",
        "retention": {},
        "job_session_id": new_id(),
        "backup_size_bytes": 0,
        "region": "westeurope",
        "recipe": {},
    }
    with home.database.writing() as db:
        db.add(RestorePointRow(**row | members))
    return point_id


def add_backup(home: Inhabited, age: timedelta, **members: Any) -> str:
    backup: dict[str, Any] = {
        "destination": "AzureBlob",
        "kind": "Incremental",
        "state": "Ok",
        "repository_id": home.repository_id,
        "engine_point_id": new_id(),
        "access_tier": "Hot",
    }
    return add_point(home, age, **backup | members)


def points_left(home: Inhabited) -> set[str]:
    with home.database.reading() as db:
        return {row.id for row in db.query(RestorePointRow)}


def forget_all_points(home: Inhabited) -> None:
    with home.database.writing() as db:
        for point_id in (home.snapshot_id, home.backup_id):
            point = db.get_one(RestorePointRow, point_id)
            point.policy_id, point.destination = None, "ManualSnapshot"


def retire(home: Inhabited, keep: int, awaiting: frozenset[str] = frozenset()) -> None:
    """What a snapshot session does for a machine after its snapshot was taken."""

    def job(ctx: JobContext, payload: JsonObject) -> JsonValue:
        counts = {Flag.DAILY: keep}
        retire_snapshots(ctx, home.machine_id, counts, awaiting_backup=awaiting)
        return None

    with carrying_out(home.database, {"job": job}, {AzureAccess: NoAzure()}):
        session_id = start(home.database, "job")
        assert wait_until_final(home.database, session_id) == "Success"


@pytest.mark.acceptance("virtual-machines", 3)
def test_three_kept_snapshots_are_three_and_manual_ones_are_not_counted(home: Inhabited) -> None:
    forget_all_points(home)
    manual = [add_point(home, age * DAY, destination="ManualSnapshot") for age in (9, 2)]
    before = points_left(home)
    taken = []
    for run in range(4):
        taken.append(add_point(home, (5 - run) * DAY))
        retire(home, keep=3)
    assert points_left(home) - before == set(taken[1:])
    assert set(manual) <= points_left(home)


@pytest.mark.acceptance("virtual-machines", 4)
def test_the_snapshot_of_the_last_backup_stays_until_the_next_backup_succeeded(
    home: Inhabited,
) -> None:
    forget_all_points(home)
    first = add_point(home, 3 * DAY)
    retire(home, keep=0, awaiting=frozenset({first}))
    add_backup(home, 3 * DAY, snapshot_point_id=first)
    retire(home, keep=0)
    assert first in points_left(home)
    second = add_point(home, 2 * DAY)
    retire(home, keep=0, awaiting=frozenset({second}))
    assert {first, second} <= points_left(home)
    add_backup(home, 2 * DAY, snapshot_point_id=second)
    retire(home, keep=0)
    assert second in points_left(home)
    assert first not in points_left(home)


def applied(home: Inhabited, point_id: str) -> object:
    """The age that a run of the daily retention applies to a backup."""
    provided: dict[type, object] = {Repositories: home.appliance.provisions.get(Repositories)}
    with carrying_out(home.database, {"retain": retain_backups}, provided):
        session_id = start(home.database, "retain")
        assert wait_until_final(home.database, session_id) == "Success"
    with home.database.reading() as db:
        retention: Any = db.get_one(RestorePointRow, point_id).retention
        return retention["Daily"]


def keep_for(home: Inhabited, days: int | None) -> None:
    """Change the retention of the policy; None switches its schedule off."""
    with home.database.writing() as db:
        policy = db.get_one(PolicyRow, home.policy_id)
        settings = as_object(policy.settings)
        retention: JsonObject = {"timeRetentionDuration": days, "retentionDurationType": "Days"}
        target = {"targetRepositoryId": home.repository_id}
        daily: JsonObject = {"backupSchedule": {"hours": [7], "retention": retention, **target}}
        policy.settings = {**settings, "dailySchedule": None if days is None else daily}


@pytest.mark.acceptance("virtual-machines", 5)
def test_a_change_of_retention_counts_for_old_points_and_a_schedule_that_is_off_does_not(
    home: Inhabited,
) -> None:
    backup = add_backup(home, 5 * DAY)
    expected: object = None
    for days in (14, 30, 7, None):
        keep_for(home, days)
        if days is not None:
            expected = {"count": days, "unit": "Days"}
        assert applied(home, backup) == expected
    assert backup in points_left(home)


@pytest.mark.acceptance("virtual-machines", 5)
def test_an_immutable_point_keeps_its_end_whatever_becomes_of_the_retention(
    home: Inhabited,
) -> None:
    until, age = NOW + 12 * DAY, {"count": 14, "unit": "Days"}
    # Without its lock it would go: no retention below keeps it.
    locked = add_backup(home, 90 * DAY, immutable_until=until, retention={"Daily": age})
    other = add_backup(home, 5 * DAY)
    for days in (60, 7, None):
        keep_for(home, days)
        assert applied(home, other) == {"count": days or 7, "unit": "Days"}
        point = home.client.get(
            f"/api/v8.1/restorePoints/virtualMachines/{locked}", headers=home.headers()
        ).json()
        assert datetime.fromisoformat(point["immutableTill"]) == until
        assert applied(home, locked) == age


@pytest.mark.acceptance("virtual-machines", 8)
def test_of_three_machines_only_the_failed_one_is_tried_again_after_ten_minutes(
    home: Inhabited,
) -> None:
    clock, tried = ManualClock(NOW), []

    def parent(ctx: JobContext, payload: JsonObject) -> JsonValue:
        results = over_machines(
            ctx,
            ["web", "sql", "old"],
            lambda name, attempt: Child(f"{name}/{attempt}", "child", {"name": name}),
            retries=as_int(payload["retries"]),
        )
        return [one.attempt for one in results]

    def child(ctx: JobContext, payload: JsonObject) -> JsonValue:
        tried.append(as_text(payload["name"]))
        if payload["name"] == "sql" and tried.count("sql") == 1:
            raise Denied("The account may not take snapshots of sql.")
        return None

    said = "1 of 3 machines failed; attempt 2 begins in 600 seconds"
    with carrying_out(home.database, {"parent": parent, "child": child}, clock=clock):
        session_id = start(home.database, "parent", {"retries": 3})
        eventually(lambda: ("Success", said) in read_log(home.database, session_id))
        assert sorted(tried) == ["old", "sql", "web"]

        def ten_minutes_later() -> bool:
            clock.advance(timedelta(seconds=RETRY_SECONDS))
            return len(tried) == 4

        eventually(ten_minutes_later)
        wait_until_final(home.database, session_id)
    assert tried[3] == "sql"
    with home.database.reading() as db:
        assert db.get_one(JobRow, session_id).result == [1, 2, 1]


@pytest.mark.acceptance("virtual-machines", 8)
def test_who_starts_a_policy_by_hand_gets_one_attempt(home: Inhabited) -> None:
    with home.database.reading() as db:
        payload: Any = db.get_one(JobRow, home.session_id).payload
    assert payload.get("scheduled") is not True
