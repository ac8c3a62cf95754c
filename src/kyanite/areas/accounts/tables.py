"""The tables of the area: service accounts, sign-ins of people, and plain accounts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.json_types import JsonValue
from kyanite.db.tables import Base, BigSerial, Json, UtcDateTime


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
    """``AzureAccountOrigin`` of the contract; ``Unknown`` for the machine's own identity."""
    credential_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Client secret, or certificate and its password, or that it is the machine's own identity;
    sealed, bound to ``id``."""
    certificate_name: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """End of the certificate; of a client secret only if we have made it."""
    cloud_state: Mapped[str | None] = mapped_column(String(24))
    purposes: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    chosen_subscription_ids: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """The subscriptions it is limited to; an empty list means all it can see."""
    visible_subscription_ids: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """Those of its scope that it saw last time."""
    visible_subscription_names: Mapped[JsonValue] = mapped_column(
        Json, nullable=False, default=dict
    )
    """Their names by id."""
    permission_states: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    permissions_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    selected_for_workers: Mapped[bool] = mapped_column(Boolean, default=False)
    worker_subscription_id: Mapped[str | None] = mapped_column(String(36))
    worker_resource_group: Mapped[str | None] = mapped_column(String(128))
    group_id: Mapped[str | None] = mapped_column(String(36))
    """The group of the directory that the application was put into."""
    group_name: Mapped[str | None] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeviceSignInRow(Base):
    """A person who was asked to sign in elsewhere, so that an application can be made for them."""

    __tablename__ = "device_sign_ins"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(36))
    """Who asked: nobody else may use the sign-in."""
    environment: Mapped[str] = mapped_column(String(16))
    tenant_id: Mapped[str] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    """Of the code; of the person's tokens once they have signed in."""
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """The directory is not asked again before."""
    interval_seconds: Mapped[int] = mapped_column(Integer)
    person: Mapped[str | None] = mapped_column(Text)
    """Principal name of who has signed in."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The flow, then the token cache of the person; bound to ``id``."""


class StandardAccountRow(Base):
    """A login of a mail or database server."""

    __tablename__ = "standard_accounts"

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(16), index=True)
    """``Smtp`` or ``Database``."""
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(String(255), index=True)
    """The name in lower case."""
    description: Mapped[str | None] = mapped_column(Text)
    username: Mapped[str | None] = mapped_column(String(255))
    password_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Bound to ``standard account <id>``."""
    sql_server_ids: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """The servers a database login belongs to; an empty list: any."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
