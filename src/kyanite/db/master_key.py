"""Which master key belongs to a database, found out before anything is sealed with another.

The database holds a constant sealed with its master key. A process that joins it with another
key (or with none, on a second host) is told so when it starts, not when a secret cannot be
opened in the middle of a backup.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.errors import WrongKey
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox, master_key_from_file, master_key_from_text
from kyanite.db.tables import Base

_ONLY: Final = 1
_ROW_ID: Final = "master key check"
_CONSTANT: Final = b"kyanite"


class MasterKeyCheckRow(Base):
    """One row: a constant, sealed."""

    __tablename__ = "master_key_check"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


def open_secret_box(database: Database, key_file: Path, key_text: str = "") -> SecretBox:
    """The box for the secrets in ``database``.

    The master key is ``key_text`` (base64) if given, else the one in ``key_file``, which is made
    for a database that has none yet. Raises `WrongKey` when the key is not the database's.
    """
    with database.reading() as db:
        check = db.get(MasterKeyCheckRow, _ONLY)
    if check is not None and not key_text and not key_file.exists():
        raise WrongKey(
            f"this database has a master key already: put its file at {key_file}, "
            "or give the key in KYANITE_MASTER_KEY"
        )
    key = master_key_from_text(key_text) if key_text else master_key_from_file(key_file)
    box = SecretBox(key)
    with database.writing() as db:
        check = db.get(MasterKeyCheckRow, _ONLY, with_for_update=True)
        if check is None:
            db.add(MasterKeyCheckRow(id=_ONLY, sealed=box.seal(_CONSTANT, row_id=_ROW_ID)))
        else:
            box.open(check.sealed, row_id=_ROW_ID)
    return box
