"""What people see of the work: sessions, their log lines, the things they processed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.json_types import JsonValue
from kyanite.db.tables import Base, BigSerial, Json, UtcDateTime


class SessionRow(Base):
    """One session (docs/behaviour/sessions.md). It survives its policy and its repository.

    ``exclusive_key`` is held while the session is not final: two sessions with one key cannot
    run at a time. ``held_by`` names the session that will release this one. ``began_at`` is the
    start, or until then the moment it was accepted: lists are in this order. ``info`` holds the
    members of the session's info block that no column holds, as the contract names them.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("exclusive_key"),
        # Lists read their order, their filters and their counts from the index alone; only the
        # rows of the page itself are fetched (`areas/sessions/queries.py`).
        Index("ix_sessions_began", "began_at", "id", "status", "type"),
        Index("ix_sessions_status", "status", "began_at", "id", "type"),
        Index("ix_sessions_type", "type", "status", "began_at", "id"),
        Index("ix_sessions_policy", "policy_id", "began_at", "id", "status", "type"),
        Index("ix_sessions_repository", "repository_id", "began_at", "id", "status", "type"),
        Index(None, "finished_at"),
        Index(None, "held_by"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    status: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    initiator: Mapped[str] = mapped_column(String(200), default="")
    policy_id: Mapped[str | None] = mapped_column(String(36))
    policy_name: Mapped[str | None] = mapped_column(String(300))
    policy_type: Mapped[str | None] = mapped_column(String(40))
    policy_removed: Mapped[bool] = mapped_column(default=False)
    repository_id: Mapped[str | None] = mapped_column(String(36))
    repository_name: Mapped[str | None] = mapped_column(String(300))
    repository_removed: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None] = mapped_column(Text)
    source_policy_name: Mapped[str | None] = mapped_column(String(300))
    info: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    exclusive_key: Mapped[str | None] = mapped_column(String(200))
    held_by: Mapped[str | None] = mapped_column(String(36))
    warned: Mapped[bool] = mapped_column(default=False)
    failed: Mapped[bool] = mapped_column(default=False)


class LogRow(Base):
    """One line of a session's log. ``key`` makes writing it again find the same line."""

    __tablename__ = "session_log"
    __table_args__ = (UniqueConstraint("session_id", "key"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[str | None] = mapped_column(String(36))
    status: Mapped[str] = mapped_column(String(20))
    message: Mapped[str] = mapped_column(Text)
    resource_id: Mapped[str | None] = mapped_column(String(64))
    logged_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ItemRow(Base):
    """One thing a session processed, made or removed.

    ``kind`` is ``protected``, ``restored``, ``deleted`` or ``checked``; ``key`` is unique among
    them. ``detail`` holds what the list shows beside the resource, as the contract names it.
    """

    __tablename__ = "session_items"
    __table_args__ = (
        UniqueConstraint("session_id", "kind", "key"),
        Index(None, "resource_id", "session_id"),
    )

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(200))
    job_id: Mapped[str] = mapped_column(String(36))
    resource_id: Mapped[str | None] = mapped_column(String(64))
    arm_id: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(300))
    resource: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    parent: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    detail: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ItemRunRow(Base):
    """One attempt at an item, with the bytes it has moved so far (they never shrink)."""

    __tablename__ = "session_item_runs"

    item_id: Mapped[int] = mapped_column(
        ForeignKey("session_items.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True)
    status: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
    total_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    read_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    processed_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    transferred_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
