"""One at a time: a lock by name, held until the transaction ends.

For decisions that look before they act ("nobody uses it, so it may go") while somebody else is
about to begin using it. Both take the lock of the thing first and look afterwards.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import text
from sqlalchemy.orm import Session

from kyanite.db.database import database_of


def lock(db: Session, name: str) -> None:
    """Wait until no other transaction holds the lock ``name``, and hold it.

    On SQLite a transaction that writes holds the lock of the whole file anyway.
    """
    if database_of(db).kind == "postgresql":
        digest = hashlib.sha256(name.encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
