"""When does it run next: the schedules of the contract, turned into slots.

docs/behaviour/virtual-machines.md, section 4. Times are whole hours in the appliance's time
zone. A run in the hour that daylight saving skips does not happen that day; a run in the hour
that it repeats happens once, in the first of the two (4.8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject, as_int, as_list, as_text

# A schedule that finds no slot in a year has none: daylight saving skips an hour once a year.
_LONGEST_SEARCH_DAYS: Final = 366


class Part(StrEnum):
    """What a run makes."""

    SNAPSHOT = "snapshot"
    BACKUP = "backup"


class DailyType(StrEnum):
    """On which days a daily schedule runs."""

    EVERYDAY = "Everyday"
    WEEK_DAYS = "WeekDays"  # Monday to Friday
    SELECTED_DAYS = "SelectedDays"


class Weekday(StrEnum):
    """The days of the contract, in the order of `date.weekday`."""

    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


_WEEKDAYS: Final = tuple(Weekday)


@dataclass(frozen=True, order=True)
class Slot:
    """One moment at which something runs. ``at`` is in UTC."""

    at: datetime
    parts: frozenset[Part]


@dataclass(frozen=True)
class DailySchedule:
    """Hours of the day for snapshots and for backups, on certain days.

    ``runs_per_hour`` multiplies snapshots only: evenly spaced in each hour from minute 0; the
    run at minute 0 also makes the backup of the hour (4.4). A backup needs a snapshot, so every
    backup hour is a snapshot hour too (4.3).
    """

    days: DailyType = DailyType.EVERYDAY
    selected_days: frozenset[Weekday] = frozenset()
    runs_per_hour: int = 1
    snapshot_hours: frozenset[int] = frozenset()
    backup_hours: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for name, hours in (
            ("snapshotSchedule.hours", self.snapshot_hours),
            ("backupSchedule.hours", self.backup_hours),
        ):
            if not all(0 <= hour <= 23 for hour in hours):
                raise Invalid.member(name, "hours are whole numbers from 0 to 23")
        if not 1 <= self.runs_per_hour <= 60:
            raise Invalid.member("runsPerHour", "between 1 and 60 runs fit into an hour")

    @property
    def effective_snapshot_hours(self) -> frozenset[int]:
        """Hours with a snapshot: those chosen, and those of backups."""
        return self.snapshot_hours | self.backup_hours

    def runs_on(self, day: date) -> bool:
        """Whether the schedule runs on this day of the calendar."""
        match self.days:
            case DailyType.EVERYDAY:
                return True
            case DailyType.WEEK_DAYS:
                return day.weekday() < 5
            case DailyType.SELECTED_DAYS:
                return _WEEKDAYS[day.weekday()] in self.selected_days

    def local_slots(self, day: date) -> Iterator[tuple[time, frozenset[Part]]]:
        """The runs of ``day`` by the clock on the wall, in order."""
        if not self.runs_on(day):
            return
        for hour in sorted(self.effective_snapshot_hours):
            for run in range(self.runs_per_hour):
                minute = run * 60 // self.runs_per_hour
                parts = {Part.SNAPSHOT}
                if minute == 0 and hour in self.backup_hours:
                    parts.add(Part.BACKUP)
                yield time(hour, minute), frozenset(parts)

    def to_json(self) -> JsonObject:
        """As the timetable stores it."""
        return {
            "days": self.days.value,
            "selectedDays": sorted(self.selected_days),
            "runsPerHour": self.runs_per_hour,
            "snapshotHours": sorted(self.snapshot_hours),
            "backupHours": sorted(self.backup_hours),
        }

    @classmethod
    def from_json(cls, stored: JsonObject) -> DailySchedule:
        """The opposite of `to_json`."""
        return cls(
            days=DailyType(as_text(stored.get("days"))),
            selected_days=frozenset(
                Weekday(as_text(day)) for day in as_list(stored.get("selectedDays"))
            ),
            runs_per_hour=as_int(stored.get("runsPerHour")),
            snapshot_hours=frozenset(map(as_int, as_list(stored.get("snapshotHours")))),
            backup_hours=frozenset(map(as_int, as_list(stored.get("backupHours")))),
        )


def slots_after(schedule: DailySchedule, zone: ZoneInfo, after: datetime) -> Iterator[Slot]:
    """The slots later than ``after`` within a year, in order."""
    if not schedule.effective_snapshot_hours:
        return
    # A day earlier than the date: the zone may be ahead of or behind the date of `after`.
    day = after.astimezone(zone).date() - timedelta(days=1)
    for _ in range(_LONGEST_SEARCH_DAYS):
        yield from sorted(slot for slot in _slots_of_day(schedule, zone, day) if slot.at > after)
        day += timedelta(days=1)


def next_slot(schedule: DailySchedule, zone: ZoneInfo, after: datetime) -> Slot | None:
    """The first slot later than ``after``; ``None`` when the schedule never runs."""
    return next(slots_after(schedule, zone, after), None)


def utc_of(local: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment when a clock in ``zone`` first shows ``local``; ``None`` when it never does."""
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    return moment if shown == local.replace(tzinfo=None, fold=0) else None


def merged(slots: Iterable[Slot]) -> Slot | None:
    """Several missed slots as one run: at the last of them, with the parts of all."""
    ordered = sorted(slots)
    if not ordered:
        return None
    return Slot(ordered[-1].at, frozenset().union(*(slot.parts for slot in ordered)))


def _slots_of_day(schedule: DailySchedule, zone: ZoneInfo, day: date) -> Iterator[Slot]:
    for clock_time, parts in schedule.local_slots(day):
        moment = utc_of(datetime.combine(day, clock_time), zone)
        if moment is not None:
            yield Slot(moment, parts)
