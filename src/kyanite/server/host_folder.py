"""Which folder the appliance of a database has on this host.

A worker on the same host finds the master key there without being told where: the database
holds the path, the file system decides who may read the key. On another host nothing is found,
and the key has to be given in KYANITE_MASTER_KEY.
"""

from __future__ import annotations

import socket
from pathlib import Path

from sqlalchemy.orm import Session

from kyanite.areas.appliance.tables import SettingRow
from kyanite.base.clock import Clock


def remember_folder(db: Session, folder: Path, clock: Clock) -> None:
    """Note the folder of the appliance that starts on this host."""
    db.merge(SettingRow(name=_name(), value=str(folder), changed_at=clock.now()))


def remembered_folder(db: Session) -> Path | None:
    """The folder of the appliance that was started last on this host, if it is still there."""
    row = db.get(SettingRow, _name())
    folder = Path(row.value) if row else None
    return folder if folder and folder.is_dir() else None


def _name() -> str:
    return f"folder on {socket.gethostname()}"
