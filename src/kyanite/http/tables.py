"""The table of operations: slow answers that somebody will come back for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from kyanite.db.tables import Base, Json, UtcDateTime


class OperationRow(Base):
    """One operation that did not finish while its caller waited."""

    __tablename__ = "operations"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str]
    alive_until: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    result: Mapped[Any | None] = mapped_column(Json)
    error: Mapped[Any | None] = mapped_column(Json)
