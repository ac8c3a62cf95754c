"""What makes a long history of sessions quick to search and to count.

All of it can be computed again from the sessions themselves.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.db.tables import Base, UtcDateTime


class SessionNameRow(Base):
    """A name under which sessions are looked for; every name once, however many sessions.

    ``kind`` is ``policy``, ``repository`` or ``resource``, ``ref`` the id of the thing.
    """

    __tablename__ = "session_names"

    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    ref: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(300), primary_key=True)


class DayCountRow(Base):
    """What the sessions of a type that began on a closed day and ended with a status add up to."""

    __tablename__ = "session_day_counts"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    """In UTC."""
    type: Mapped[str] = mapped_column(String(60), primary_key=True)
    status: Mapped[str] = mapped_column(String(20), primary_key=True)
    sessions: Mapped[int] = mapped_column(Integer)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    """At items these sessions protected."""
    successes: Mapped[int] = mapped_column(Integer, default=0)
    """Of these attempts, warnings included."""


class HistoryRow(Base):
    """The one row that says which days are closed: those before ``closed_until``.

    All sessions that began before have ended, so their counts change only when sessions are
    removed. ``version`` is raised with every change of the counts.
    """

    __tablename__ = "session_history"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    closed_until: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer)
