"""The table of the area: service accounts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.json_types import JsonValue
from kyanite.db.tables import Base, Json, UtcDateTime


class ServiceAccountRow(Base):
    """One Entra application with the credentials Kyanite signs in with."""

    __tablename__ = "service_accounts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(String(255), unique=True)
    """The name in lower case: names are unique without regard to case."""
    description: Mapped[str | None] = mapped_column(Text)
    environment: Mapped[str] = mapped_column(String(16))
    """The Azure cloud, as the contract names it: ``Global``, ``USGovernment`` …"""
    application_id: Mapped[str] = mapped_column(String(36))
    tenant_id: Mapped[str] = mapped_column(String(36), index=True)
    tenant_name: Mapped[str | None] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(32))
    """``Imported Secret`` or ``Imported Certificate``."""
    credential_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Client secret, or certificate and its password; sealed, bound to ``id``."""
    certificate_name: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """End of the certificate; unknown for a client secret."""
    cloud_state: Mapped[str | None] = mapped_column(String(24))
    purposes: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    chosen_subscription_ids: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """The subscriptions it is limited to; an empty list means all it can see."""
    visible_subscription_ids: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """Those of its scope that it saw last time."""
    permission_states: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    permissions_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    selected_for_workers: Mapped[bool] = mapped_column(Boolean, default=False)
    worker_subscription_id: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
