"""Which storage accounts can hold a repository, and in which tier.

Rules: docs/behaviour/repositories.md, sections 2.1 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REPOSITORY_KINDS: Final = frozenset({"storagev2", "blobstorage"})
"""Kinds of account that hold block blobs with tiers, lower-cased."""

ARCHIVE_REDUNDANCIES: Final = frozenset({"LRS", "GRS", "RAGRS"})
"""The archive tier does not exist on zone-redundant accounts."""

REDUNDANCIES: Final = frozenset({"LRS", "GRS", "RAGRS", "ZRS", "GZRS", "RAGZRS"})
REQUESTABLE_TIERS: Final = frozenset({"Hot", "Cool", "Archive", "Inferred"})


_WORKER_MEGABITS: Final = 650  # one small worker writes about 80 MB/s
_OLD_ACCOUNT_MEGABITS: Final = 10_000
_USUAL_MEGABITS: Final = 25_000
_LARGE_REGION_WORKERS: Final = 50  # larger workers, on 60 Gbps
_LARGE_REGIONS: Final = frozenset(
    {
        "australiaeast",
        "brazilsouth",
        "canadacentral",
        "centralindia",
        "centralus",
        "eastasia",
        "eastus",
        "eastus2",
        "francecentral",
        "germanywestcentral",
        "japaneast",
        "jioindiawest",
        "koreacentral",
        "northcentralus",
        "northeurope",
        "norwayeast",
        "southafricanorth",
        "southcentralus",
        "southeastasia",
        "swedencentral",
        "uaenorth",
        "uksouth",
        "westeurope",
        "westus",
        "westus2",
        "westus3",
    }
)
"""Where Azure lets 60 Gbps into one account."""


@dataclass(frozen=True)
class StorageAccountKind:
    """What decides whether an account can hold a repository."""

    kind: str
    sku_name: str
    hierarchical_namespace: bool


@dataclass(frozen=True)
class BlobService:
    """The settings of an account's blob service that matter to repositories."""

    versioning: bool
    blob_soft_delete: bool
    container_soft_delete: bool


def performance(sku_name: str) -> str:
    """``StorageAccountPerformance``: ``Standard``, ``Premium`` or ``Unknown``."""
    name = sku_name.split("_", 1)[0].lower()
    return {"standard": "Standard", "standardv2": "Standard"}.get(
        name, "Premium" if name.startswith("premium") else "Unknown"
    )


def redundancy(sku_name: str) -> str:
    """``StorageAccountRedundancy`` from an SKU such as ``Standard_RAGRS``."""
    text = sku_name.rsplit("_", 1)[-1].upper()
    return text if text in REDUNDANCIES else "Unknown"


def supports_tiering(account: StorageAccountKind) -> bool:
    """Whether single blobs of the account can have an access tier."""
    return performance(account.sku_name) == "Standard" and account.kind.lower() in REPOSITORY_KINDS


def holds_page_blobs(account: StorageAccountKind) -> bool:
    """Whether unmanaged disks, page blobs with snapshots, can lie on the account."""
    return account.kind.lower() in {"storage", "storagev2"} and not account.hierarchical_namespace


def supports_archive(account: StorageAccountKind) -> bool:
    """Whether blobs of the account can be put into the archive tier."""
    return supports_tiering(account) and redundancy(account.sku_name) in ARCHIVE_REDUNDANCIES


def recommended_concurrency(account: StorageAccountKind, region: str) -> int:
    """How many workers may write to the account at once before it becomes the bottleneck."""
    if account.kind.lower() not in REPOSITORY_KINDS:
        return _OLD_ACCOUNT_MEGABITS // _WORKER_MEGABITS
    if region in _LARGE_REGIONS:
        return _LARGE_REGION_WORKERS
    return _USUAL_MEGABITS // _WORKER_MEGABITS


def incompatibility(account: StorageAccountKind) -> str | None:
    """Why the account cannot hold a repository, from what is visible in the account itself."""
    if account.kind.lower() not in REPOSITORY_KINDS:
        return (
            f"A storage account of kind {account.kind or 'unknown'} cannot hold a repository; "
            "choose a general-purpose v2 or BlobStorage account."
        )
    if performance(account.sku_name) != "Standard":
        return "A repository needs a storage account of Standard performance."
    if account.hierarchical_namespace:
        return "A storage account with hierarchical namespace cannot hold a repository."
    return None


def service_incompatibility(service: BlobService) -> str | None:
    """Why the blob service of an account cannot hold a repository."""
    if service.blob_soft_delete:
        return "Soft delete for blobs must be off: removed backups would keep costing."
    if service.container_soft_delete:
        return "Soft delete for containers must be off."
    return None


def tier_problem(account: StorageAccountKind, tier: str) -> str | None:
    """Why a repository of ``tier`` cannot be made on the account."""
    if tier not in REQUESTABLE_TIERS:
        return f"The storage tier {tier} is not supported; choose Hot, Cool, Archive or Inferred."
    if tier == "Archive" and not supports_archive(account):
        return (
            f"The archive tier does not exist on {redundancy(account.sku_name)} storage; "
            "choose an account with LRS, GRS or RA-GRS redundancy."
        )
    return None


def effective_tier(requested: str, account_access_tier: str) -> str:
    """The tier to report: for ``Inferred`` the account's own, when it is known."""
    if requested != "Inferred":
        return requested
    return account_access_tier if account_access_tier in {"Hot", "Cool"} else "Inferred"
