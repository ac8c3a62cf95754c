"""The timetable's tables: what runs when, and what became of each due run."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.json_types import JsonValue
from kyanite.db.tables import Base, Json, UtcDateTime


class ScheduleRow(Base):
    """One schedule. ``next_at`` was computed for ``zone``; it is null when it never runs."""

    __tablename__ = "schedules"

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    kind: Mapped[str] = mapped_column(String(60), index=True)
    spec: Mapped[JsonValue] = mapped_column(Json)
    zone: Mapped[str] = mapped_column(String(60))
    next_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class FiringRow(Base):
    """A due run: ``fired``, ``skipped`` (and why), or ``failed``."""

    __tablename__ = "schedule_firings"

    schedule_id: Mapped[str] = mapped_column(
        ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True
    )
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
