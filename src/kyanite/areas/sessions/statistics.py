"""What sessions add up to over a time, for the dashboards (docs/behaviour/appliance.md §8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.sessions.day_counts import closed_days
from kyanite.durable.history import Attempts, attempts_by_session_kind, start_of
from kyanite.durable.history_tables import DayCountRow
from kyanite.durable.job_tables import JobRow
from kyanite.durable.session_tables import ItemRow, SessionRow
from kyanite.rules.policy_durations import Run
from kyanite.rules.sessions import ACTIVE, FINAL, SessionStatus


@dataclass(frozen=True)
class Waits:
    """How long pieces of work waited for their turn, and where it was longest."""

    average: timedelta
    longest: timedelta
    region_of_longest: str | None


def ended_between(db: Session, begin: datetime, end: datetime) -> Mapping[str, int]:
    """Status → sessions that ended with it, from ``begin`` to before ``end``."""
    rows = db.execute(
        select(SessionRow.status, func.count().label("sessions"))
        .where(SessionRow.finished_at >= begin, SessionRow.finished_at < end)
        .where(SessionRow.status.in_(FINAL))
        .group_by(SessionRow.status)
    )
    return {row.status: row.sessions for row in rows}


def count_running(db: Session) -> int:
    """How many sessions are at work now; those that wait for their turn are not."""
    at_work = ACTIVE - {SessionStatus.PENDING}
    return db.scalar(select(func.count()).where(SessionRow.status.in_(at_work))) or 0


def attempts_since(db: Session, since: datetime, now: datetime) -> Mapping[str, Attempts]:
    """Type → attempts at items, of the sessions that began since then."""
    closed = closed_days(db)
    found: dict[str, list[Attempts]] = defaultdict(list)
    first_whole = since.astimezone(UTC).date() + timedelta(days=1)
    times = [(since, now + timedelta(days=1))]
    if closed is not None and start_of(first_whole) < closed.until:
        times = [(since, start_of(first_whole)), (closed.until, times[0][1])]
        rows = db.execute(
            select(
                DayCountRow.type, func.sum(DayCountRow.attempts), func.sum(DayCountRow.successes)
            )
            .where(DayCountRow.day >= first_whole, DayCountRow.day < closed.until.date())
            .group_by(DayCountRow.type)
        )
        for type_name, number, good in rows:
            found[type_name].append(Attempts(int(number), int(good)))
    for begin, before in times:
        for (type_name, _), attempts in attempts_by_session_kind(db, begin, before).items():
            found[type_name].append(attempts)
    return {
        type_name: Attempts(sum(one.all for one in some), sum(one.succeeded for one in some))
        for type_name, some in found.items()
    }


def policy_runs(db: Session, types: Collection[str], since: datetime) -> Sequence[Run]:
    """The finished runs of policies that began since then; policies that are gone left out."""
    rows = db.execute(
        select(
            SessionRow.policy_id,
            SessionRow.policy_name,
            SessionRow.policy_type,
            SessionRow.type,
            SessionRow.started_at,
            SessionRow.finished_at,
        )
        .where(SessionRow.began_at >= since, SessionRow.type.concat("").in_(types))
        .where(SessionRow.finished_at.is_not(None), SessionRow.started_at.is_not(None))
        .where(SessionRow.policy_id.is_not(None), SessionRow.policy_removed.is_(False))
    )
    return [
        Run(policy_id, name or "", policy_type or "Unknown", type_name, started, ended - started)
        for policy_id, name, policy_type, type_name, started, ended in rows
        if policy_id is not None and started is not None and ended is not None
    ]


def waits_since(db: Session, since: datetime) -> Waits:
    """How long the jobs of single machines waited to begin, of sessions since then."""
    rows = db.execute(
        select(JobRow.id, JobRow.queued_at, JobRow.started_at)
        .join(SessionRow, SessionRow.id == JobRow.session_id)
        .where(SessionRow.began_at >= since, JobRow.parent_id.is_not(None))
        .where(JobRow.started_at >= JobRow.queued_at)
    ).all()
    if not rows:
        return Waits(timedelta(), timedelta(), None)
    waits = {row.id: row.started_at - row.queued_at for row in rows}
    longest = max(waits, key=lambda job_id: waits[job_id])
    average = sum(waits.values(), timedelta()) / len(waits)
    return Waits(average, waits[longest], _region_of(db, longest))


def _region_of(db: Session, job_id: str) -> str | None:
    resource = db.scalar(
        select(ItemRow.resource)
        .join(JobRow, JobRow.session_id == ItemRow.session_id)
        .where(JobRow.id == job_id, ItemRow.key == JobRow.key)
        .limit(1)
    )
    region = resource.get("regionName") if isinstance(resource, dict) else None
    return region if isinstance(region, str) else None
