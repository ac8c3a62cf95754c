"""How the work goes: sessions by result, and what waits in the queue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.durable.job_tables import OPEN, JobRow, JobState
from kyanite.durable.session_tables import SessionRow
from kyanite.http.measures import Measure
from kyanite.rules.sessions import ACTIVE

_WINDOW: Final = timedelta(hours=24)


def measures(db: Session, now: datetime) -> list[Measure]:
    """Sessions of the last 24 hours by how they ended, those that run, and open jobs."""
    ended = db.execute(
        select(SessionRow.type, SessionRow.status, func.count())
        .where(SessionRow.began_at >= now - _WINDOW, SessionRow.status.not_in(ACTIVE))
        .group_by(SessionRow.type, SessionRow.status)
    )
    running = db.execute(
        select(SessionRow.type, func.count())
        .where(SessionRow.status.in_(ACTIVE))
        .group_by(SessionRow.type)
    )
    open_jobs = db.execute(
        select(JobRow.state, func.count()).where(JobRow.state.in_(OPEN)).group_by(JobRow.state)
    )
    jobs = {str(state): count for state, count in open_jobs}
    oldest = db.scalar(select(func.min(JobRow.created_at)).where(JobRow.state == JobState.QUEUED))
    return [
        Measure(
            "kyanite_sessions_last_24_hours",
            "Sessions begun in the last 24 hours that have ended, by type and result.",
            ("type", "result"),
            [((kind, status), count) for kind, status, count in ended],
        ),
        Measure(
            "kyanite_sessions_running",
            "Sessions that have not ended, by type.",
            ("type",),
            [((kind,), count) for kind, count in running],
        ),
        Measure(
            "kyanite_queue_jobs",
            "Jobs that have not ended, by state: queued ones wait for a worker.",
            ("state",),
            [((state,), jobs.get(state, 0)) for state in OPEN],
        ),
        Measure(
            "kyanite_queue_oldest_job_age_seconds",
            "How long the oldest queued job has been known; 0 when none is queued.",
            (),
            [((), (now - oldest).total_seconds() if oldest else 0.0)],
        ),
    ]
