"""Facts about this installation that outlive a restart."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from kyanite.db.tables import Base, UtcDateTime


class SettingRow(Base):
    """One setting of the appliance, as text."""

    __tablename__ = "appliance_settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
