"""The time zones that the appliance may be set to (docs/behaviour/appliance.md §9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# Entries of the database that are no places: names of files, and the machine's own.
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})


@dataclass(frozen=True)
class TimeZoneName:
    """An IANA name, and how a person reads it: with its distance from UTC at the moment."""

    id: str
    display_name: str


@cache
def _spellings() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones() - _NO_PLACES}


def canonical_name(name: str) -> str | None:
    """The IANA spelling of a name written in any case; None if there is no such zone."""
    return _spellings().get(name.strip().lower())


def all_time_zones(now: datetime) -> list[TimeZoneName]:
    """Every zone, from west to east, then by name."""
    offsets = {
        name: now.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
        for name in _spellings().values()
    }
    return [
        TimeZoneName(name, f"(UTC{_signed(offsets[name])}) {name.replace('_', ' ')}")
        for name in sorted(offsets, key=lambda name: (offsets[name], name))
    ]


def _signed(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
