"""The transaction of one request, committed once, at the edge.

A route function asks for `db: DbSession`. What it does with it, jobs and sessions that it
starts included, is committed after it has returned and its answer is encoded, or not at all.
GET requests read only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.db.database import Database
from kyanite.http.provide import provisions


class Work:
    """A session that is opened when it is first asked for."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._session: Session | None = None
        self.writes = request.method != "GET"

    @property
    def db(self) -> Session:
        """The session of the request: one that writes unless the request is a GET."""
        if self._session is None:
            self._session = (
                self._database.session_for_writing()
                if self.writes
                else self._database.session_for_reading()
            )
        return self._session

    @contextmanager
    def reading(self, *, go_on: bool) -> Iterator[Session]:
        """A session to look something up in before the work begins.

        ``go_on``: the work needs a session too; where it only reads, it is this very one.
        """
        if go_on and not self.writes:
            yield self.db
        else:
            with self._database.session_for_reading() as db:
                yield db

    def commit(self) -> None:
        """Keep what was done. Does nothing if nobody asked for the session."""
        if self._session is not None and self.writes:
            self._session.commit()

    def close(self) -> None:
        """Undo what was not committed and give the connection back."""
        if self._session is not None:
            self._session.close()

    @property
    def _database(self) -> Database:
        return provisions(self.request).get(Database)


@contextmanager
def working(request: Request) -> Iterator[Work]:
    """The one unit of work of this request, for the time of a block."""
    work = request.state.work = Work(request)
    try:
        yield work
    finally:
        work.close()


def db_session(request: Request) -> Session:
    """The session of the unit of work that the request is in."""
    work = request.state.work
    assert isinstance(work, Work)
    return work.db


DbSession = Annotated[Session, Depends(db_session)]
