"""The appliance's settings that a person may change, and the id of the installation."""

from __future__ import annotations

from sqlalchemy.orm import Session

from kyanite.areas.appliance.tables import SettingRow
from kyanite.base.clock import Clock
from kyanite.base.identifiers import new_id

INSTALLATION_ID = "installation_id"
TIME_ZONE = "time_zone"
DEFAULT_TIME_ZONE = "Etc/UTC"


def ensure_installation_id(db: Session, clock: Clock) -> None:
    """Give the installation its id, at the first start."""
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
