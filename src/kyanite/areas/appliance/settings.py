"""The appliance's settings that a person may change, and the id of the installation."""

from __future__ import annotations

import orjson
from sqlalchemy.orm import Session

from kyanite.areas.appliance.agreements import accept_at_first_start
from kyanite.areas.appliance.tables import SettingRow
from kyanite.base.clock import Clock
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, as_object

INSTALLATION_ID = "installation_id"
TIME_ZONE = "time_zone"
DEFAULT_TIME_ZONE = "Etc/UTC"


def ensure_installation_id(db: Session, clock: Clock) -> None:
    """Give the installation its id, at the first start."""
    accept_at_first_start(db, clock)
    if db.get(SettingRow, INSTALLATION_ID) is None:
        db.add(SettingRow(name=INSTALLATION_ID, value=new_id(), changed_at=clock.now()))
        db.flush()


def installation_id(db: Session) -> str:
    """The id of this installation (a uuid)."""
    row = db.get(SettingRow, INSTALLATION_ID)
    assert row is not None, "the first start gives an installation its id"
    return row.value


def time_zone(db: Session) -> str:
    """The IANA name of the time zone that schedules and retention follow."""
    row = db.get(SettingRow, TIME_ZONE)
    return DEFAULT_TIME_ZONE if row is None else row.value


def set_time_zone(db: Session, name: str, clock: Clock) -> None:
    """Make schedules and retention follow another time zone, known to ``time_zones``.

    The timetable notices by itself and computes when everything runs next.
    """
    db.merge(SettingRow(name=TIME_ZONE, value=name, changed_at=clock.now()))
    db.flush()


def read_group(db: Session, name: str) -> JsonObject | None:
    """Settings that are kept together under a name; None before they were first written."""
    row = db.get(SettingRow, name)
    return None if row is None else as_object(orjson.loads(row.value))


def write_group(db: Session, name: str, group: JsonObject, clock: Clock) -> None:
    """Keep settings together under a name, in place of those before."""
    value = orjson.dumps(group).decode()
    db.merge(SettingRow(name=name, value=value, changed_at=clock.now()))
    db.flush()
