"""Reading rows as they are, for what is asked many times a second.

A statement over tables (not over classes) that is made once, with `bindparam` for what varies,
costs a tenth of objects that could be changed, and of a statement made anew each time.
"""

from __future__ import annotations

from typing import TypeVarTuple

from sqlalchemy import CursorResult, Select
from sqlalchemy.orm import Session

Columns = TypeVarTuple("Columns")


def read(db: Session, statement: Select[*Columns], **values: object) -> CursorResult[*Columns]:
    """The rows of a statement, what the session has changed included."""
    db.flush()
    return db.connection().execute(statement, values)
