"""The entries of the audit log, and the head of their chain."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.db.tables import Base, UtcDateTime


class AuditEntryRow(Base):
    """One entry. Numbers begin with 1 and have no gaps; `hash` is that of `chain.entry_hash`."""

    __tablename__ = "audit_entries"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor_id: Mapped[str]
    actor_name: Mapped[str]
    actor_role: Mapped[str]
    address: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    status: Mapped[int]
    detail: Mapped[str]
    hash: Mapped[str]


class AuditHeadRow(Base):
    """One row: where the chain ends.

    `broken_at` is the number of the first entry that was written after somebody else had changed
    the head; it stays. `seal` covers all of it (`chain.Head`).
    """

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]
    broken_at: Mapped[int | None] = mapped_column(BigInteger)
    seal: Mapped[str]
