"""The appliance's settings that a person may change, and the id of the installation."""

from __future__ import annotations

from sqlalchemy.orm import Session

from kyanite.areas.appliance.tables import SettingRow
from kyanite.base.clock import Clock
from kyanite.base.identifiers import new_id

INSTALLATION_ID = "installation_id"
TIME_ZONE = "time_zone"
DEFAULT_TIME_ZONE = "Etc/UTC"


def installation_id(db: Session, clock: Clock) -> str:
    """The id of this installation; made when it is first asked for in a writing session."""
    row = db.get(SettingRow, INSTALLATION_ID)
    if row is None:
        row = SettingRow(name=INSTALLATION_ID, value=new_id(), changed_at=clock.now())
        db.add(row)
        db.flush()
    return row.value


def time_zone(db: Session) -> str:
    """The IANA name of the time zone that schedules and retention follow."""
    row = db.get(SettingRow, TIME_ZONE)
    return DEFAULT_TIME_ZONE if row is None else row.value
