"""The daily session that removes expired backups (docs/behaviour/virtual-machines.md, 8.2)."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from kyanite.areas.appliance.settings import time_zone
from kyanite.areas.repositories import Repositories
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs.deletion import remove_backups
from kyanite.areas.vm.policy_queries import find_policy
from kyanite.areas.vm.policy_settings import ages_from_json, ages_to_json, backup_ages
from kyanite.areas.vm.tables import RestorePointRow
from kyanite.base.json_types import JsonObject, JsonValue, as_object
from kyanite.durable.context import JobContext
from kyanite.rules.retention import Age, Decision, Flag, Point, by_age, format_flags, parse_flags
from kyanite.rules.sessions import SessionStatus

BACKUP_RETENTION: Final = "vm.backup_retention"


def retain_backups(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """Decide about every backup in every repository, and delete what has no flag left."""
    del payload
    with ctx.database.reading() as db:
        repository_ids = points.repositories_with_backups(db)
        zone = ZoneInfo(time_zone(db))
    for repository_id in repository_ids:
        ctx.check()
        with ctx.database.reading() as db:
            facts = ctx.provided(Repositories).facts(db, repository_id)
        if facts.has_another_owner or facts.status != "Ready":
            ctx.log(f"Repository {facts.name} is left out: it is not ours to change now")
            continue
        decisions = _apply(ctx, repository_id, zone)
        for decision in decisions:
            for flag, reason in decision.loses.items():
                ctx.log(
                    f"Restore point {decision.point_id}: {reason}",
                    SessionStatus.SUCCESS,
                    key=f"{decision.point_id} {flag}",
                )
        remove_backups(ctx, [decision.point_id for decision in decisions if decision.goes])
    return None


def _apply(ctx: JobContext, repository_id: str, zone: ZoneInfo) -> list[Decision]:
    """Take the flags that have expired, and store the ages that were applied."""
    with ctx.transaction() as db:
        now = ctx.clock.now()
        rows = [
            row
            for row in points.backups_in(db, repository_id)
            if row.immutable_until is None or row.immutable_until <= now
        ]  # an immutable one is decided about when its lock has ended
        ages = {row.id: _ages(db, row) for row in rows}
        decisions = by_age(
            [Point(row.id, row.point_in_time, parse_flags(row.flags)) for row in rows],
            ages,
            ctx.clock.now(),
            zone,
        )
        for row in rows:
            row.retention = ages_to_json(ages[row.id])
        for decision in decisions:
            if not decision.goes:
                points.set_flags(db, decision.point_id, format_flags(decision.keeps))
    return decisions


def _ages(db: Session, row: RestorePointRow) -> dict[Flag, Age]:
    """How long a point keeps its flags: what was stored, overridden by what its policy says now.

    A schedule that was switched off leaves the stored age in force (section 8.4).
    """
    stored = ages_from_json(as_object(row.retention))
    policy = find_policy(db, row.policy_id)
    current = backup_ages(as_object(policy.settings)) if policy else {}
    return {**stored, **current}
