"""The transaction of one request, committed once, at the edge.

A route function asks for `db: DbSession`. What it does with it, jobs and sessions that it
starts included, is committed after it has returned and its answer is encoded, or not at all.
GET requests read only.
"""

from __future__ import annotations

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
        if self._session is None:
            database = provisions(self.request).get(Database)
            self._session = (
                database.session_for_writing() if self.writes else database.session_for_reading()
            )
        return self._session

    @property
    def is_open(self) -> bool:
        """Whether anybody has asked for the session."""
        return self._session is not None

    def commit(self) -> None:
        """Keep what was done. Does nothing if nobody asked for the session."""
        if self._session is not None and self.writes:
            self._session.commit()

    def close(self) -> None:
        """Undo what was not committed and give the connection back."""
        if self._session is not None:
            self._session.close()


async def work_of(request: Request) -> Work:
    """The one unit of work of this request."""
    work = getattr(request.state, "work", None)
    if not isinstance(work, Work):
        work = request.state.work = Work(request)
    return work


async def _db_session(work: Annotated[Work, Depends(work_of)]) -> Session:
    return work.db


DbSession = Annotated[Session, Depends(_db_session)]
