"""When repositories are looked after: every night, each in a session of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import RepositoryFacts, Status
from kyanite.areas.repositories.upkeep_settings import upkeep_settings
from kyanite.base.errors import Conflict
from kyanite.durable.start import NewSession, start_session
from kyanite.durable.timetable import Schedule, ScheduleKind, Timetable, cron_slot
from kyanite.rules.schedule import Slot

UPKEEP_JOB: Final = "repository.upkeep"
SCHEDULE_ID: Final = "repository-upkeep"
# After the nightly backups and the retention, in the appliance's time zone.
_CRON: Final = "30 4 * * *"


def schedule_kinds() -> Mapping[str, ScheduleKind]:
    """How the schedule is read and started."""
    return {UPKEEP_JOB: ScheduleKind(next_after=cron_slot, fire=start_all)}


def ensure_chores(db: Session, timetable: Timetable) -> None:
    """Put the night's work into the timetable, once for all times."""
    if timetable.next_at(db, SCHEDULE_ID) is None:
        timetable.put(db, Schedule(SCHEDULE_ID, UPKEEP_JOB, {"cron": _CRON}))


def start_all(db: Session, schedule: Schedule, slot: Slot) -> None:
    """Start one session for each repository that is ours to change; none while switched off."""
    del schedule, slot
    if not upkeep_settings(db).enabled:
        return
    for own in queries.list_repositories(db, statuses=(Status.READY.value,)):
        if own.has_another_owner:
            continue
        try:
            start_upkeep(db, own)
        except Conflict:
            continue  # that of the night before still goes on


def start_upkeep(db: Session, own: RepositoryFacts, who: str = "") -> str:
    """Start the session of one repository; its id. Raises ``Conflict`` while one goes on."""
    return start_session(
        db,
        NewSession(
            type="HealthCheck",
            job=UPKEEP_JOB,
            payload={"repositoryId": own.id},
            initiator=who,
            repository_id=own.id,
            repository_name=own.name,
            exclusive_key=f"upkeep/{own.id}",
        ),
    )
