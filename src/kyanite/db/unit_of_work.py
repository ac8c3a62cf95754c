"""One unit of work: everything a request changes is committed once, at the edge, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from kyanite.db.database import Database


class UnitOfWork:
    """The transaction of one request.

    ``db`` is the session that use cases and queries are given; they never commit it.
    """

    def __init__(self, db: Session) -> None:
        self.db = db


@contextmanager
def unit_of_work(database: Database, *, writes: bool) -> Iterator[UnitOfWork]:
    """Begin a unit of work; commit it when the block ends, undo it when the block raises.

    With ``writes=False`` nothing is kept, and SQLite's write lock is not taken.
    """
    with database.writing() if writes else database.reading() as db:
        yield UnitOfWork(db)
