"""Which restore points stay and which go: docs/behaviour/virtual-machines.md, section 8.

A point carries *flags* (``Daily`` … ``Yearly``): the schedules it serves. Snapshots lose a flag
by count, backups by age; a point without flags is deleted. Deciding is pure: points and rules
in, decisions with reasons out.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_FIRST_DAY = date(2, 1, 1).toordinal()


class Flag(StrEnum):
    """The schedule that a point serves."""

    DAILY = "Daily"
    WEEKLY = "Weekly"
    MONTHLY = "Monthly"
    YEARLY = "Yearly"


class AgeUnit(StrEnum):
    """Unit of a retention by age; months and years are calendar units."""

    DAYS = "Days"
    MONTHS = "Months"
    YEARS = "Years"


@dataclass(frozen=True)
class Age:
    """How long a point keeps a flag."""

    count: int
    unit: AgeUnit


@dataclass(frozen=True)
class Point:
    """A restore point as retention sees it."""

    point_id: str
    time: datetime
    """The moment of the snapshot, UTC."""
    flags: frozenset[Flag]


@dataclass(frozen=True)
class Decision:
    """What happens to one point: the flags it keeps, and why it loses the others."""

    point_id: str
    keeps: frozenset[Flag]
    loses: Mapping[Flag, str]
    """Flag → reason, for the session log."""

    @property
    def goes(self) -> bool:
        """Whether no flag is left, so that the point is deleted."""
        return not self.keeps


def by_count(points: Sequence[Point], keep: Mapping[Flag, int]) -> list[Decision]:
    """Retention of the snapshots of one machine (section 8.1).

    ``keep`` names how many snapshots each flag holds; a flag that is not named there loses
    nothing (its schedule is off: what it marked keeps aging by other means). Only points that
    lose something are answered. Deciding again over the result changes nothing.
    """
    losses: dict[str, dict[Flag, str]] = {}
    newest_first = sorted(points, key=lambda p: (p.time, p.point_id), reverse=True)
    for flag, count in keep.items():
        holders = [p for p in newest_first if flag in p.flags]
        for point in holders[count:]:
            reason = f"{flag} keeps {count}, and {len(holders)} snapshots carry it"
            losses.setdefault(point.point_id, {})[flag] = reason
    return [
        Decision(p.point_id, p.flags - losses[p.point_id].keys(), losses[p.point_id])
        for p in sorted(points, key=lambda p: (p.time, p.point_id))
        if p.point_id in losses
    ]


def by_age(
    points: Sequence[Point], ages: Mapping[str, Mapping[Flag, Age]], now: datetime, zone: ZoneInfo
) -> list[Decision]:
    """Retention of backups (section 8.2).

    ``ages`` gives for each point id how long it keeps each of its flags: the settings of its
    policy, or what was stored with the point when there is none. A flag without an age never
    expires. Calendar units count in ``zone``, the time zone of the appliance.
    """
    decisions: list[Decision] = []
    for point in sorted(points, key=lambda p: (p.time, p.point_id)):
        own = ages.get(point.point_id, {})
        losses: dict[Flag, str] = {}
        for flag in point.flags:
            age = own.get(flag)
            if age is None:
                continue
            end = expires_at(point.time, age, zone)
            if end <= now:
                losses[flag] = (
                    f"{flag} keeps {age.count} {age.unit.lower()}, over since {end:%F %R}"
                )
        if losses:
            decisions.append(Decision(point.point_id, point.flags - losses.keys(), losses))
    return decisions


def expires_at(time: datetime, age: Age, zone: ZoneInfo) -> datetime:
    """When a flag set at ``time`` expires, UTC.

    Days are days of the calendar in ``zone``, so that a point of 07:00 expires at 07:00 also
    across a change of daylight saving. A day that the target month does not have falls back to
    its last one (docs/behaviour/rulings.md).
    """
    local = time.astimezone(zone)
    if age.unit is AgeUnit.DAYS:
        day = local.date() + timedelta(days=age.count)
        target = local.replace(year=day.year, month=day.month, day=day.day)
    else:
        months = age.count * (12 if age.unit is AgeUnit.YEARS else 1)
        total = local.year * 12 + (local.month - 1) + months
        year, month = divmod(total, 12)
        last = calendar.monthrange(year, month + 1)[1]
        target = local.replace(year=year, month=month + 1, day=min(local.day, last))
    return target.astimezone(time.tzinfo)


def cutoff(now: datetime, age: Age, zone: ZoneInfo) -> datetime:
    """What is from before this moment is older than ``age``, UTC.

    A day that the month does not have falls back to its last one, as in `expires_at`. An age
    that reaches back beyond the calendar goes to its beginning.
    """
    local = now.astimezone(zone)
    if age.unit is AgeUnit.DAYS:
        ordinal = local.toordinal() - age.count
        if ordinal <= _FIRST_DAY:
            return datetime.min.replace(tzinfo=UTC)
        day = date.fromordinal(ordinal)
        target = local.replace(year=day.year, month=day.month, day=day.day)
    else:
        months = age.count * (12 if age.unit is AgeUnit.YEARS else 1)
        year, month = divmod(local.year * 12 + (local.month - 1) - months, 12)
        if year < 2:
            return datetime.min.replace(tzinfo=UTC)
        last = calendar.monthrange(year, month + 1)[1]
        target = local.replace(year=year, month=month + 1, day=min(local.day, last))
    return target.astimezone(UTC)


def parse_flags(text: str) -> frozenset[Flag]:
    """The flags in the form the API answers: ``Daily, Weekly``, or ``None``."""
    names = (part.strip() for part in text.split(","))
    return frozenset(Flag(name) for name in names if name and name != "None")


def format_flags(flags: frozenset[Flag]) -> str:
    """Flags as ``gfsFlags`` answers them (section 1, table of fields)."""
    return ", ".join(flag.value for flag in Flag if flag in flags) or "None"
