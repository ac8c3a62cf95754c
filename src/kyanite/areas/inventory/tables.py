"""The tables of the area: what the service accounts saw in Azure when they last looked.

A cache: nothing here is the only copy of anything. Which account sees a resource is kept
in ``inventory_sightings``, so that a rescan by an account with few rights does not declare
gone what another account still sees. ``fingerprint`` is of all other columns as they were last
written: a scan that finds it unchanged writes nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.base.json_types import JsonValue
from kyanite.db.tables import Base, Json, UtcDateTime


class SightingRow(Base):
    """An account has seen a resource when it last looked."""

    __tablename__ = "inventory_sightings"
    __table_args__ = (
        Index("ix_inventory_sightings_resource", "kind", "resource_id"),
        Index("ix_inventory_sightings_scope", "account_id", "kind", "subscription_id"),
    )

    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    """A value of ``kinds.Kind``."""
    resource_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    subscription_id: Mapped[str] = mapped_column(String(36))


class TagRow(Base):
    """An account has seen a tag on resources of a kind in a subscription."""

    __tablename__ = "inventory_tags"
    __table_args__ = (Index("ix_inventory_tags_order", "name_key", "value", "tag_id"),)

    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    subscription_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    tag_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Follows from name, without regard to case, and value."""
    name: Mapped[str] = mapped_column(String(512))
    name_key: Mapped[str] = mapped_column(String(512))
    value: Mapped[str] = mapped_column(String(256))
    search: Mapped[str] = mapped_column(Text)
    """Name and value in lower case."""


class SubscriptionRow(Base):
    """A subscription."""

    __tablename__ = "inventory_subscriptions"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    environment: Mapped[str] = mapped_column(String(16))
    tenant_id: Mapped[str] = mapped_column(String(36), index=True)
    tenant_name: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))


class RegionRow(Base):
    """A region that one subscription offers."""

    __tablename__ = "inventory_regions"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    """``<subscription>/<code name>``."""
    subscription_id: Mapped[str] = mapped_column(String(36), index=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    """Code name, such as ``westeurope``: the ``regionId`` of the contract."""
    display_name: Mapped[str] = mapped_column(String(128))
    provider_types: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    """What can be created there, as ``ResourceProviderType`` names it; null when unknown."""
    zones: Mapped[JsonValue] = mapped_column(Json, nullable=False, default=list)
    """The availability zones, as the subscription counts them."""


class ResourceGroupRow(Base):
    """A resource group."""

    __tablename__ = "inventory_resource_groups"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """System id, as of every row below."""
    azure_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(128), index=True)
    subscription_id: Mapped[str] = mapped_column(String(36), index=True)
    region: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(32), default="")
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StorageAccountRow(Base):
    """A storage account."""

    __tablename__ = "inventory_storage_accounts"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    azure_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(64), index=True)
    subscription_id: Mapped[str] = mapped_column(String(36), index=True)
    resource_group: Mapped[str] = mapped_column(String(128))
    region: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    sku_name: Mapped[str] = mapped_column(String(32))
    access_tier: Mapped[str | None] = mapped_column(String(16))
    hierarchical_namespace: Mapped[bool] = mapped_column(Boolean)
    blob_endpoint: Mapped[str] = mapped_column(Text)
    versioning: Mapped[bool] = mapped_column(Boolean)
    immutability_locked: Mapped[bool] = mapped_column(Boolean)
    fingerprint: Mapped[str] = mapped_column(String(32), default="")
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LookRow(Base):
    """When an account has last read all resources of a kind in a subscription."""

    __tablename__ = "inventory_looks"

    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subscription_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """Empty for the list of subscriptions itself."""
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ResourceRow(Base):
    """A resource of which little is known: one of ``kinds.PLAIN_KINDS``."""

    __tablename__ = "inventory_resources"
    __table_args__ = (Index("ix_inventory_resources_order", "kind", "name_key", "id"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    azure_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(128))
    name_key: Mapped[str] = mapped_column(String(128))
    """The name in lower case."""
    subscription_id: Mapped[str] = mapped_column(String(36), index=True)
    resource_group: Mapped[str] = mapped_column(String(128))
    region: Mapped[str] = mapped_column(String(64))
    facts: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """What the kind has besides: ``plain_mapping`` says what."""
    fingerprint: Mapped[str] = mapped_column(String(32), default="")
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MachineRow(Base):
    """A virtual machine, with what its disks and first interface add to it."""

    __tablename__ = "inventory_machines"
    __table_args__ = (Index("ix_inventory_machines_order", text("lower(name)"), "id"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    azure_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(128), index=True)
    subscription_id: Mapped[str] = mapped_column(String(36), index=True)
    resource_group: Mapped[str] = mapped_column(String(128))
    region: Mapped[str] = mapped_column(String(64), index=True)
    os_type: Mapped[str] = mapped_column(String(16))
    vm_size: Mapped[str] = mapped_column(String(64))
    zone: Mapped[str | None] = mapped_column(String(16))
    power_state: Mapped[str | None] = mapped_column(String(32))
    tags: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    total_size_bytes: Mapped[int] = mapped_column(BigInteger)
    disk_count: Mapped[int] = mapped_column(Integer)
    disk_azure_ids: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    """Managed disks, OS disk first, data disks by LUN."""
    has_ephemeral_os_disk: Mapped[bool] = mapped_column(Boolean)
    has_unmanaged_disks: Mapped[bool] = mapped_column(Boolean)
    virtual_network: Mapped[str | None] = mapped_column(String(128))
    subnet: Mapped[str | None] = mapped_column(String(128))
    private_ip: Mapped[str | None] = mapped_column(String(64))
    public_ip: Mapped[str | None] = mapped_column(String(64))
    dns_name: Mapped[str | None] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(32), default="")
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
