"""The tables of the area: repositories known to this appliance, and how they are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.json_types import JsonValue
from kyanite.db.tables import Base, Json, UtcDateTime


class RepositoryRow(Base):
    """One folder of a container, registered as a repository.

    The row is enough to reach and open the repository; everything else about it is in the
    folder.
    """

    __tablename__ = "repositories"
    __table_args__ = (UniqueConstraint("location_key", name="uq_repositories_location"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(125))
    name_key: Mapped[str] = mapped_column(String(400), unique=True)
    """The name in lower case, which may be longer: names are unique without regard to case."""
    description: Mapped[str | None] = mapped_column(Text)
    account_id: Mapped[str] = mapped_column(String(36), index=True)
    """Service account it is reached with."""
    tenant_id: Mapped[str] = mapped_column(String(36))
    environment: Mapped[str] = mapped_column(String(16))
    storage_account_id: Mapped[str] = mapped_column(String(64), index=True)
    """System id of the storage account."""
    storage_account_azure_id: Mapped[str] = mapped_column(Text)
    storage_account_name: Mapped[str] = mapped_column(String(64))
    container: Mapped[str] = mapped_column(String(63))
    folder: Mapped[str] = mapped_column(String(256))
    location_key: Mapped[str] = mapped_column(String(400))
    """``<storage account id>/<container>/<folder>``: a folder is registered once."""
    region: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    """``RepositoryStatus``; moved only by ``states.move``."""
    tier: Mapped[str] = mapped_column(String(16))
    tier_inferred: Mapped[bool] = mapped_column(Boolean)
    is_encrypted: Mapped[bool] = mapped_column(Boolean)
    """By a password or a key of a vault; else the password lies openly in the folder's mark."""
    hint: Mapped[str | None] = mapped_column(Text)
    engine_repository_id: Mapped[str | None] = mapped_column(String(64))
    master_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The key the appliance opens the repository with, unattended; bound to ``id``."""
    next_master_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The key that a rotation is making; it or the one above opens the repository until the
    rotation is over."""
    engine_fingerprint: Mapped[str | None] = mapped_column(String(64))
    """What the repository is recognised by when it opens with other keys than those above."""
    key_vault_azure_id: Mapped[str | None] = mapped_column(Text)
    key_vault_name: Mapped[str | None] = mapped_column(String(127))
    key_uri: Mapped[str | None] = mapped_column(Text)
    """The key of a vault it is encrypted with; null: a password, or nothing."""
    key_version: Mapped[str | None] = mapped_column(String(64))
    key_gone_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When that key was first found deleted."""
    pending_password_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """A password handed over by a request, until the job has set or checked it."""
    immutability_enabled: Mapped[bool] = mapped_column(Boolean)
    concurrency_limit: Mapped[int | None] = mapped_column(Integer)
    owner_id: Mapped[str | None] = mapped_column(String(64))
    """Another appliance that owns the folder; null when it is this one."""
    owner_name: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UpkeepRow(Base):
    """When a repository was last looked after, what was found, and what is remembered of it."""

    __tablename__ = "repository_upkeep"

    repository_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    newest_points: Mapped[list[JsonValue]] = mapped_column(Json)
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime)
    damaged_objects: Mapped[int] = mapped_column(Integer)
    hurt_points: Mapped[int] = mapped_column(Integer)
    lost_points: Mapped[int] = mapped_column(Integer)
    all_read_on: Mapped[str | None] = mapped_column(String(10))
    """A day; every pack was read whole then or later. Null: not all of them yet."""
