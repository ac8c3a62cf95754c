"""The tables of the area: policies, protected machines, restore points, disk snapshots.

Restore points of kind backup are a cache of what the repository holds; everything needed to
restore from them is in the repository as well.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.json_types import JsonValue
from kyanite.db.tables import Base, Json, UtcDateTime


class PolicyRow(Base):
    """A schedule-based policy.

    ``settings`` is the body it was created or last updated with, members named as in the
    contract; the columns beside it are what queries and rules ask for.
    """

    __tablename__ = "vm_policies"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    priority: Mapped[int] = mapped_column(Integer, index=True)
    """1 is the highest."""
    is_enabled: Mapped[bool] = mapped_column(Boolean)
    tenant_id: Mapped[str] = mapped_column(String(64))
    service_account_id: Mapped[str] = mapped_column(String(36))
    settings: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    cbt_reset_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ProtectedMachineRow(Base):
    """A machine that has, or had, restore points: what is known of it without Azure."""

    __tablename__ = "vm_protected_machines"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """System id."""
    azure_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(255), index=True)
    os_type: Mapped[str] = mapped_column(String(16))
    region: Mapped[str] = mapped_column(String(64))
    subscription_id: Mapped[str] = mapped_column(String(36))
    resource_group: Mapped[str] = mapped_column(String(128))
    tenant_id: Mapped[str] = mapped_column(String(64))
    vm_size: Mapped[str] = mapped_column(String(64))
    zone: Mapped[str | None] = mapped_column(String(16))
    total_size_gib: Mapped[int] = mapped_column(Integer)
    service_account_id: Mapped[str | None] = mapped_column(String(36))
    """Account that read it last; its snapshots are reached with it."""


class RestorePointRow(Base):
    """One restore point of one machine: a set of disk snapshots, or a backup."""

    __tablename__ = "vm_restore_points"
    __table_args__ = (Index("ix_vm_restore_points_machine_time", "machine_id", "point_in_time"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    machine_id: Mapped[str] = mapped_column(ForeignKey("vm_protected_machines.id"))
    destination: Mapped[str] = mapped_column(String(16))
    """``Snapshot``, ``AzureBlob`` or ``ManualSnapshot``."""
    kind: Mapped[str] = mapped_column(String(16))
    """``Full``, ``Incremental``; ``Unknown`` for snapshots."""
    state: Mapped[str] = mapped_column(String(16))
    """``Ok``, ``Corrupted``; ``NotApplicable`` for snapshots."""
    point_in_time: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    flags: Mapped[str] = mapped_column(String(64))
    """As ``rules.retention.format_flags`` writes them; ``None`` marks a snapshot that is kept
    only as reference for the next backup and is not offered as a restore point."""
    policy_id: Mapped[str | None] = mapped_column(String(36), index=True)
    policy_name: Mapped[str] = mapped_column(String(255))
    retention: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """Flag → ``{"count", "unit"}``: the ages last applied to a backup, which count on when the
    policy is gone. Empty for snapshots."""
    job_session_id: Mapped[str] = mapped_column(String(36), index=True)
    repository_id: Mapped[str | None] = mapped_column(String(36), index=True)
    engine_point_id: Mapped[str | None] = mapped_column(String(36), unique=True)
    """Id of the point in the repository."""
    snapshot_point_id: Mapped[str | None] = mapped_column(String(36), index=True)
    """For a backup: the snapshot point it was read from, reference of the next increment."""
    backup_size_bytes: Mapped[int] = mapped_column(BigInteger)
    region: Mapped[str] = mapped_column(String(64))
    """Where the point itself lies."""
    access_tier: Mapped[str | None] = mapped_column(String(16))
    immutable_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until when the storage says that everything the backup needs is locked."""
    generations: Mapped[JsonValue] = mapped_column(Json, nullable=False, default=dict)
    """Flag → when the generation of locks began (``rules.immutability``)."""
    recipe: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """Machine, disks and interfaces as Azure gave them."""


class DiskSnapshotRow(Base):
    """One disk of a snapshot point: a snapshot resource in Azure."""

    __tablename__ = "vm_disk_snapshots"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """ARM id of the snapshot, lower case."""
    point_id: Mapped[str] = mapped_column(
        ForeignKey("vm_restore_points.id", ondelete="CASCADE"), index=True
    )
    azure_id: Mapped[str] = mapped_column(Text)
    disk_azure_id: Mapped[str] = mapped_column(Text)
    disk_unique_id: Mapped[str] = mapped_column(String(64))
    """``uniqueId`` of the source disk: tells a recreated disk of the same name apart."""
    disk_name: Mapped[str] = mapped_column(String(255))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
