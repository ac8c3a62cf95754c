"""Locks on backups in immutable repositories (docs/behaviour/repositories.md, section 6).

A backup is written with the end of its lock in its point; at the end of the session everything
that the points need is locked, and what the storage then says is what people are shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from kyanite.areas.appliance.settings import time_zone
from kyanite.areas.repositories import Repositories, RepositoryFacts
from kyanite.areas.vm import points
from kyanite.areas.vm.tables import RestorePointRow
from kyanite.base.errors import KyaniteError, LeaseLost
from kyanite.base.json_types import JsonObject, as_object, as_text
from kyanite.durable.context import JobContext
from kyanite.engine.locks import LockReport
from kyanite.rules.immutability import Lock, lock_of
from kyanite.rules.retention import Age, Flag
from kyanite.rules.sessions import SessionStatus


def lock_for(
    db: Session,
    repository: RepositoryFacts,
    machine_id: str,
    point_id: str,
    taken_at: datetime,
    flags: Collection[Flag],
    ages: Mapping[Flag, Age],
) -> Lock | None:
    """The lock that the backup ``point_id`` is to carry; ``None`` where nothing can be locked."""
    if not repository.immutability_enabled:
        return None
    before = points.latest_backup(db, machine_id, repository.id, point_id)
    begun = generations_of(before) if before is not None else {}
    return lock_of(taken_at, flags, ages, begun, ZoneInfo(time_zone(db)))


def generations_of(row: RestorePointRow) -> dict[Flag, datetime]:
    """The generations that a backup stored."""
    return {
        Flag(name): datetime.fromisoformat(as_text(start))
        for name, start in as_object(row.generations).items()
    }


def generations_to_json(lock: Lock | None) -> JsonObject:
    """As a backup stores them."""
    if lock is None:
        return {}
    return {flag.value: start.isoformat() for flag, start in lock.generations.items()}


def lock_backups(ctx: JobContext, repository_id: str) -> None:
    """Lock what the points of a repository need, and note what the storage says of it.

    May run again. What cannot be locked is a warning: the points themselves are good.
    """
    with ctx.database.reading() as db:
        facts = ctx.provided(Repositories).facts(db, repository_id)
    if not facts.immutability_enabled:
        return
    text = f"Locking the restore points in {facts.name}"
    try:
        with ctx.line(text) as line:
            repository = ctx.provided(Repositories).open_for_writing(repository_id, check=ctx.check)
            report = repository.lock()
            note_locks(ctx, report)
            line.end(SessionStatus.SUCCESS, f"{text}: {report.extended} objects")
    except LeaseLost:
        raise
    except KyaniteError as error:
        ctx.warn(f"Restore points are not locked yet; the nightly upkeep tries again. {error}")
        return
    for one in report.drift[:10]:
        ctx.warn(f"{one.name} is not locked until {one.wanted:%Y-%m-%d %H:%M}", key=one.name)


def note_locks(ctx: JobContext, report: LockReport) -> None:
    """Keep what the storage says of the locks on points."""
    with ctx.transaction() as db:
        points.note_locks(db, {one.session_id: one.protected_until for one in report.points})
