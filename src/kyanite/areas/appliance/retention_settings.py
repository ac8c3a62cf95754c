"""How long the appliance keeps what nobody else limits (docs/behaviour/appliance.md, section 4).

Records of sessions, and snapshots that policies have made; each for an age, or for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.tables import SettingRow
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.base.json_types import as_object
from kyanite.rules.retention import Age, AgeUnit

SESSIONS: Final = "session_retention"
OBSOLETE_SNAPSHOTS: Final = "obsolete_snapshot_retention"

_MOST: Final[Mapping[AgeUnit, int]] = {
    AgeUnit.DAYS: 36_135,
    AgeUnit.MONTHS: 1_188,
    AgeUnit.YEARS: 99,
}
# A rule that removes what policies keep must not bite what was made the day before yesterday.
_LEAST_DAYS_OF_SNAPSHOTS: Final = 15
_DEFAULT_OF_SESSIONS: Final = Age(3, AgeUnit.MONTHS)


@dataclass(frozen=True)
class RetentionAges:
    """For how long each is kept; None: for ever."""

    sessions: Age | None = _DEFAULT_OF_SESSIONS
    obsolete_snapshots: Age | None = None


def retention_ages(db: Session) -> RetentionAges:
    """What was set, or the defaults."""
    default = RetentionAges()
    return RetentionAges(
        _read(db, SESSIONS, default.sessions),
        _read(db, OBSOLETE_SNAPSHOTS, default.obsolete_snapshots),
    )


def set_retention_ages(db: Session, ages: RetentionAges, clock: Clock) -> None:
    """Replace both. Raises Invalid, naming the member, for an age out of bounds."""
    errors = {
        **_wrong("sessionsSettings", ages.sessions, least_days=1),
        **_wrong(
            "obsoleteSnapshotsSettings",
            ages.obsolete_snapshots,
            least_days=_LEAST_DAYS_OF_SNAPSHOTS,
        ),
    }
    if errors:
        raise Invalid("The retention is out of bounds.", errors)
    for name, age in ((SESSIONS, ages.sessions), (OBSOLETE_SNAPSHOTS, ages.obsolete_snapshots)):
        stored = None if age is None else {"count": age.count, "unit": age.unit.value}
        db.merge(SettingRow(name=name, value=json.dumps(stored), changed_at=clock.now()))
    db.flush()


def _wrong(member: str, age: Age | None, *, least_days: int) -> dict[str, list[str]]:
    if age is None:
        return {}
    least = least_days if age.unit is AgeUnit.DAYS else 1
    most = _MOST[age.unit]
    if least <= age.count <= most:
        return {}
    sentence = f"Between {least} and {most} {age.unit.value.lower()} are expected."
    return {f"{member}.duration": [sentence]}


def _read(db: Session, name: str, default: Age | None) -> Age | None:
    row = db.get(SettingRow, name)
    if row is None:
        return default
    stored = json.loads(row.value)
    if stored is None:
        return None
    age = as_object(stored)
    count = age["count"]
    assert isinstance(count, int)
    return Age(count, AgeUnit(str(age["unit"])))
