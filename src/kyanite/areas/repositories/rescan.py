"""Looking at all repositories again: every day, and whenever the appliance starts.

docs/behaviour/repositories.md, section 12. At the start because the database may have been put
back from a copy while the appliance was down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import Status
from kyanite.areas.repositories.second_look import SecondLook
from kyanite.base.errors import AzureError, CallerError, EngineError, StorageError
from kyanite.base.json_types import JsonObject
from kyanite.durable.context import JobContext
from kyanite.durable.start import NewSession, running_session, start_session
from kyanite.durable.timetable import Schedule, ScheduleKind, Timetable, cron_slot
from kyanite.rules.schedule import Slot
from kyanite.rules.sessions import SessionStatus

RESCAN_JOB: Final = "repository.rescan"
SCHEDULE_ID: Final = "repository-rescan"
# Before the nightly retention, in the appliance's zone: it decides about everything there is.
_CRON: Final = "45 23 * * *"


class RescanRepositories:
    """The job ``repository.rescan``: every repository that is ready. Harmless to repeat."""

    def __init__(self, second_look: SecondLook) -> None:
        self._second_look = second_look

    def __call__(self, ctx: JobContext, payload: JsonObject) -> None:
        """Carry out the job. A repository that cannot be opened is a warning."""
        del payload
        with ctx.database.reading() as db:
            ready = queries.list_repositories(db, statuses=[Status.READY.value])
        for own in ready:
            ctx.check()
            message = f"Looking at the repository {own.name}"
            with ctx.line(message, key=own.id) as line:
                try:
                    self._second_look.look(ctx, own.id)
                except (AzureError, CallerError, EngineError, StorageError) as error:
                    line.end(SessionStatus.WARNING, f"{message}: {error}")


def schedule_kinds() -> Mapping[str, ScheduleKind]:
    """How the schedule of this area is read and started."""
    return {RESCAN_JOB: ScheduleKind(next_after=cron_slot, fire=_fire)}


def ensure_chores(db: Session, timetable: Timetable) -> None:
    """Put the daily look into the timetable, once for all times."""
    if timetable.next_at(db, SCHEDULE_ID) is None:
        timetable.put(db, Schedule(SCHEDULE_ID, RESCAN_JOB, {"cron": _CRON}))


def start_rescan(db: Session) -> None:
    """Start the session; none while one is at work or there is nothing to look at."""
    if queries.list_repositories(db, statuses=[Status.READY.value]) and not running_session(
        db, SCHEDULE_ID
    ):
        start_session(
            db,
            NewSession(type="InfrastructureRescan", job=RESCAN_JOB, exclusive_key=SCHEDULE_ID),
        )


def _fire(db: Session, schedule: Schedule, slot: Slot) -> None:
    del schedule, slot
    start_rescan(db)
