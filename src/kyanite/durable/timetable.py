"""The timetable: what is due is started once, whoever notices it.

Every process ticks. A tick claims a due schedule by moving its ``next_at`` on, and starts the
run, in one transaction: two that notice at the same time cannot both do it, and a process that
dies in between has done nothing. After downtime the runs missed within the grace time become one
run, made up of all their parts; older ones are recorded as skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim
from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from kyanite.base.clock import Clock
from kyanite.base.errors import Conflict, KyaniteError
from kyanite.base.json_types import JsonObject, as_object, as_text
from kyanite.db.database import DATABASE_AWAY, Database
from kyanite.durable.schedule_tables import FiringRow, ScheduleRow
from kyanite.durable.worker import quietly
from kyanite.rules.schedule import DailySchedule, Slot, merged, next_slot

# A nightly backup that was missed by more is not made up for in the middle of a working day.
GRACE: Final = timedelta(hours=1)
# After a longer downtime than so many runs the older ones are not even counted.
_MOST_MISSED: Final = 1500

FIRED: Final = "fired"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"


@dataclass(frozen=True)
class Schedule:
    """One schedule as its kind sees it. ``id`` is unique in the timetable."""

    id: str
    kind: str
    spec: JsonObject


@dataclass(frozen=True)
class ScheduleKind:
    """How schedules of one kind are read and started.

    ``next_after(spec, zone, after)`` is the first slot later than ``after``. ``fire(db,
    schedule, slot)`` starts the run in the claim's transaction, usually by `start_session`; a
    `Conflict` from it means that the run before is still going, and skips this one.
    ``skipped(db, schedule, slot, reason)`` may record that for people.
    """

    next_after: Callable[[JsonObject, ZoneInfo, datetime], Slot | None]
    fire: Callable[[Session, Schedule, Slot], None]
    skipped: Callable[[Session, Schedule, Slot, str], None] | None = None


class Timetable:
    """The schedules in one database. ``zone`` tells the appliance's time zone."""

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, ScheduleKind],
        *,
        clock: Clock,
        zone: Callable[[Session], ZoneInfo],
        grace: timedelta = GRACE,
    ) -> None:
        self._database = database
        self._kinds = dict(kinds)
        self._clock = clock
        self._zone = zone
        self._grace = grace

    def put(self, db: Session, schedule: Schedule) -> datetime | None:
        """Insert or replace a schedule; returns when it runs next."""
        zone = self._zone(db)
        slot = self._kinds[schedule.kind].next_after(schedule.spec, zone, self._clock.now())
        row = db.get(ScheduleRow, schedule.id, with_for_update=True)
        if row is None:
            row = ScheduleRow(id=schedule.id)
            db.add(row)
        row.kind = schedule.kind
        row.spec = dict(schedule.spec)
        row.zone = zone.key
        row.next_at = slot.at if slot else None
        db.flush()
        return row.next_at

    def remove(self, db: Session, schedule_id: str) -> None:
        """Forget a schedule; one that does not exist is fine."""
        db.execute(delete(ScheduleRow).where(ScheduleRow.id == schedule_id))

    def next_at(self, db: Session, schedule_id: str) -> datetime | None:
        """When a schedule runs next; ``None`` when it never does or does not exist."""
        row = db.get(ScheduleRow, schedule_id)
        return row.next_at if row else None

    def tick(self) -> None:
        """Start whatever is due now."""
        with self._database.reading() as db:
            due = self._due(db)
        for schedule_id in due:
            error = quietly("timetable", partial(self._claim, schedule_id))
            if error is not None and not isinstance(error, DATABASE_AWAY):
                self._give_up(schedule_id)

    def _due(self, db: Session) -> list[str]:
        zone = self._zone(db)
        return list(
            db.execute(
                select(ScheduleRow.id)
                .where(
                    ScheduleRow.kind.in_(self._kinds),
                    or_(ScheduleRow.next_at <= self._clock.now(), ScheduleRow.zone != zone.key),
                )
                .order_by(ScheduleRow.next_at)
            ).scalars()
        )

    def _claim(self, schedule_id: str) -> None:
        with self._database.writing() as db:
            row = db.get(ScheduleRow, schedule_id, with_for_update=True)
            if row is None:
                return
            zone, now = self._zone(db), self._clock.now()
            kind = self._kinds[row.kind]
            schedule = Schedule(row.id, row.kind, as_object(row.spec))
            if row.zone != zone.key:
                # What was due by the old zone's clock is decided before the new one counts.
                zone = ZoneInfo(row.zone)
            missed = self._missed(kind, schedule.spec, zone, row.next_at, now)
            self._move_on(db, row, now)
            self._decide(db, kind, schedule, missed, now)

    def _missed(
        self,
        kind: ScheduleKind,
        spec: JsonObject,
        zone: ZoneInfo,
        first: datetime | None,
        now: datetime,
    ) -> list[Slot]:
        """The slots from ``first`` until now."""
        slots: list[Slot] = []
        after = first - timedelta(microseconds=1) if first else now
        while len(slots) < _MOST_MISSED:
            slot = kind.next_after(spec, zone, after)
            if slot is None or slot.at > now:
                return slots
            slots.append(slot)
            after = slot.at
        return [*slots[:1], *self._missed(kind, spec, zone, now - self._grace, now)]

    def _decide(
        self,
        db: Session,
        kind: ScheduleKind,
        schedule: Schedule,
        missed: list[Slot],
        now: datetime,
    ) -> None:
        late = [slot for slot in missed if now - slot.at > self._grace]
        for slot in late:
            self._skip(db, kind, schedule, slot, "the appliance was not running at that time")
        run = merged(slot for slot in missed if now - slot.at <= self._grace)
        if run is None:
            return
        try:
            with db.begin_nested():
                kind.fire(db, schedule, run)
                db.flush()
        except Conflict as conflict:
            self._skip(db, kind, schedule, run, str(conflict))
        except KyaniteError as error:
            self._note(db, schedule, run.at, FAILED, str(error))
        else:
            self._note(db, schedule, run.at, FIRED, "")

    def _skip(
        self, db: Session, kind: ScheduleKind, schedule: Schedule, slot: Slot, reason: str
    ) -> None:
        self._note(db, schedule, slot.at, SKIPPED, reason)
        if kind.skipped is not None:
            kind.skipped(db, schedule, slot, reason)

    def _give_up(self, schedule_id: str) -> None:
        """A run that could not even be decided is not tried every second from now on."""
        with self._database.writing() as db:
            row = db.get(ScheduleRow, schedule_id, with_for_update=True)
            now = self._clock.now()
            if row is None or row.next_at is None or row.next_at > now:
                return
            due_at = row.next_at
            self._move_on(db, row, now)
            schedule = Schedule(row.id, row.kind, as_object(row.spec))
            self._note(db, schedule, due_at, FAILED, "an unexpected error; see the program log")

    def _move_on(self, db: Session, row: ScheduleRow, now: datetime) -> None:
        zone = self._zone(db)
        slot = self._kinds[row.kind].next_after(as_object(row.spec), zone, now)
        row.zone = zone.key
        row.next_at = slot.at if slot else None
        db.flush()

    def _note(
        self, db: Session, schedule: Schedule, due_at: datetime, outcome: str, reason: str
    ) -> None:
        db.merge(
            FiringRow(
                schedule_id=schedule.id,
                due_at=due_at,
                outcome=outcome,
                reason=reason,
                decided_at=self._clock.now(),
            )
        )
        db.flush()


def daily_slot(spec: JsonObject, zone: ZoneInfo, after: datetime) -> Slot | None:
    """`ScheduleKind.next_after` for `DailySchedule.to_json`."""
    return next_slot(DailySchedule.from_json(spec), zone, after)


def cron_slot(spec: JsonObject, zone: ZoneInfo, after: datetime) -> Slot | None:
    """`ScheduleKind.next_after` for ``{"cron": "15 0 * * *"}``: the appliance's own chores.

    A chore in the hour that daylight saving skips is done when that hour would have ended; one
    in the repeated hour is done once.
    """
    times = CronSim(as_text(spec.get("cron")), after.astimezone(zone))
    moment = next(times, None)
    return Slot(moment.astimezone(UTC), frozenset()) if moment else None
