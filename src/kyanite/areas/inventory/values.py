"""What the inventory tells others: one frozen value per thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import NAMESPACE_OID, uuid5

from kyanite.areas.accounts import ServiceAccount
from kyanite.base.units import GIB
from kyanite.rules.storage_accounts import StorageAccountKind


@dataclass(frozen=True)
class Subscription:
    """A subscription some account sees."""

    id: str
    name: str
    environment: str
    tenant_id: str
    tenant_name: str | None
    status: str
    """``SubscriptionStatus``: ``Active``, ``Disabled`` or ``Unknown``."""


@dataclass(frozen=True)
class Region:
    """A region that some visible subscription offers."""

    id: str
    """Code name, such as ``westeurope``."""
    name: str
    """For people: ``West Europe``."""


@dataclass(frozen=True)
class ResourceGroup:
    """A resource group."""

    id: str
    """System id."""
    azure_id: str
    name: str
    environment: str
    subscription_id: str
    tenant_id: str
    region: str


@dataclass(frozen=True)
class StorageAccount:
    """A storage account; ``removed`` when Azure does not list it any more."""

    id: str
    azure_id: str
    name: str
    subscription_id: str
    tenant_id: str
    environment: str
    resource_group: str
    region: str
    region_name: str
    kind: str
    sku_name: str
    access_tier: str | None
    hierarchical_namespace: bool
    blob_endpoint: str
    versioning: bool
    immutability_locked: bool
    removed: bool

    @property
    def shape(self) -> StorageAccountKind:
        """What decides whether it can hold a repository."""
        return StorageAccountKind(self.kind, self.sku_name, self.hierarchical_namespace)


@dataclass(frozen=True)
class Machine:
    """A virtual machine with all that the API shows of it."""

    id: str
    """System id."""
    azure_id: str
    name: str
    environment: str
    subscription_id: str
    subscription_name: str
    tenant_id: str
    resource_group: str
    resource_group_id: str
    """System id of the resource group."""
    region: str
    """Code name: ``regionName`` of the contract."""
    region_display_name: str
    os_type: str
    """``OSType``: ``Windows``, ``Linux`` or ``Unknown``."""
    vm_size: str
    zone: str | None
    power_state: str | None
    """``running``, ``deallocated`` …; ``None`` when unknown."""
    tags: Mapping[str, str]
    total_size_bytes: int
    disk_count: int
    """OS disk included."""
    disk_azure_ids: tuple[str, ...]
    """Managed disks: OS disk first, data disks by LUN. An ephemeral OS disk is none of them."""
    has_ephemeral_os_disk: bool
    has_unmanaged_disks: bool
    virtual_network: str | None
    subnet: str | None
    private_ip: str | None
    public_ip: str | None
    dns_name: str | None
    removed_at: datetime | None
    """When a rescan first missed it; ``None`` for one that exists."""

    @property
    def is_deleted(self) -> bool:
        """Whether Azure does not list it any more."""
        return self.removed_at is not None

    @property
    def total_size_gib(self) -> int:
        """``totalSizeInGB``: the sizes of its disks, rounded up to whole GiB."""
        return -(-self.total_size_bytes // GIB)


@dataclass(frozen=True)
class MachineFilter:
    """Which machines; members that are empty do not filter. All of them are AND-ed."""

    account_id: str | None = None
    subscription_id: str | None = None
    resource_group_id: str | None = None
    tenant_id: str | None = None
    regions: tuple[str, ...] = ()
    """Code names or names for people, in any case."""
    text: str | None = None
    """Part of the name."""
    exists: bool | None = True
    """``True``: only those that exist; ``False``: only those removed; ``None``: both."""
    ids: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class ResourceFilter:
    """Which resources of a kind; members that are empty do not filter. All are AND-ed."""

    account_id: str | None = None
    subscription_id: str | None = None
    tenant_id: str | None = None
    regions: tuple[str, ...] = ()
    """Code names or names for people, in any case."""
    resource_group: str | None = None
    """Name, in any case."""
    text: str | None = None
    """Part of the name."""
    ids: tuple[str, ...] | None = None
    """System ids."""


@dataclass(frozen=True)
class Tag:
    """A name and a value that some resource bears."""

    id: str
    name: str
    value: str


@dataclass(frozen=True)
class Tenant:
    """A directory; ``name`` is ``None`` when nobody has told it."""

    id: str
    name: str | None


@dataclass(frozen=True)
class TenantWithAccount:
    """An account that reaches a tenant."""

    tenant: Tenant
    account: ServiceAccount

    @property
    def id(self) -> str:
        """The id of the pair: the same whenever the two are the same."""
        return str(uuid5(NAMESPACE_OID, f"{self.tenant.id}/{self.account.id}"))
