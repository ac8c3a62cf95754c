"""When a policy runs by itself: its settings in the words of the timetable."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.json_types import JsonObject, as_int, as_list, as_object, as_text, dig
from kyanite.durable.schedule_tables import ScheduleRow
from kyanite.durable.timetable import Schedule, Timetable
from kyanite.rules.schedule import DailySchedule, DailyType, Weekday

KIND: Final = "vm.policy"
_PREFIX: Final = "vm-policy/"


def schedule_id(policy_id: str) -> str:
    """The id of a policy's schedule in the timetable."""
    return _PREFIX + policy_id


def policy_id_of(schedule: Schedule) -> str:
    """The policy that a schedule of this kind belongs to."""
    return schedule.id.removeprefix(_PREFIX)


def daily_schedule(settings: JsonObject) -> DailySchedule | None:
    """The daily schedule of a policy, or None if it has none."""
    if settings.get("dailySchedule") is None:
        return None
    return DailySchedule(
        days=DailyType(as_text(dig(settings, "dailySchedule", "dailyType"))),
        selected_days=frozenset(
            Weekday(as_text(day)) for day in as_list(dig(settings, "dailySchedule", "selectedDays"))
        ),
        runs_per_hour=max(1, as_int(dig(settings, "dailySchedule", "runsPerHour"))),
        snapshot_hours=_hours(settings, "snapshotSchedule"),
        backup_hours=_hours(settings, "backupSchedule"),
    )


def put_in_timetable(db: Session, timetable: Timetable, policy: PolicyRow) -> None:
    """Make the timetable say what the policy says; a disabled policy is not in it."""
    schedule = daily_schedule(as_object(policy.settings)) if policy.is_enabled else None
    if schedule is None:
        timetable.remove(db, schedule_id(policy.id))
    else:
        timetable.put(db, Schedule(schedule_id(policy.id), KIND, schedule.to_json()))


def next_runs(db: Session, policy_ids: list[str]) -> dict[str, object]:
    """Policy id → when it runs next, for those that do."""
    rows = db.execute(
        select(ScheduleRow.id, ScheduleRow.next_at).where(
            ScheduleRow.id.in_([schedule_id(policy_id) for policy_id in policy_ids])
        )
    )
    return {row.id.removeprefix(_PREFIX): row.next_at for row in rows}


def _hours(settings: JsonObject, part: str) -> frozenset[int]:
    return frozenset(map(as_int, as_list(dig(settings, "dailySchedule", part, "hours"))))
