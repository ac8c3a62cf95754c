"""Which accounts can hold which repositories."""

from __future__ import annotations

import pytest

from kyanite.rules.storage_accounts import (
    BlobService,
    StorageAccountKind,
    effective_tier,
    incompatibility,
    performance,
    redundancy,
    service_incompatibility,
    supports_archive,
    tier_problem,
)


def account(
    kind: str = "StorageV2", sku: str = "Standard_LRS", hns: bool = False
) -> StorageAccountKind:
    return StorageAccountKind(kind=kind, sku_name=sku, hierarchical_namespace=hns)


@pytest.mark.parametrize(
    "candidate", [account(), account("BlobStorage"), account(sku="Standard_GZRS")]
)
def test_accounts_that_can_hold_repositories(candidate: StorageAccountKind) -> None:
    assert incompatibility(candidate) is None


@pytest.mark.parametrize(
    "candidate",
    [
        account("Storage"),
        account("BlockBlobStorage", "Premium_LRS"),
        account("FileStorage", "Premium_LRS"),
        account(sku="Premium_LRS"),
        account(hns=True),
        account(""),
    ],
)
def test_accounts_that_cannot(candidate: StorageAccountKind) -> None:
    assert incompatibility(candidate)


@pytest.mark.parametrize(
    ("sku", "expected"),
    [
        ("Standard_LRS", "LRS"),
        ("Standard_RAGRS", "RAGRS"),
        ("Standard_RAGZRS", "RAGZRS"),
        ("StandardV2_ZRS", "ZRS"),
        ("odd", "Unknown"),
    ],
)
def test_redundancy_of_an_sku(sku: str, expected: str) -> None:
    assert redundancy(sku) == expected


def test_performance_of_an_sku() -> None:
    assert performance("Standard_LRS") == "Standard"
    assert performance("PremiumV2_LRS") == "Premium"
    assert performance("") == "Unknown"


@pytest.mark.parametrize(
    ("sku", "works"),
    [
        ("Standard_LRS", True),
        ("Standard_GRS", True),
        ("Standard_RAGRS", True),
        ("Standard_ZRS", False),
        ("Standard_GZRS", False),
        ("Standard_RAGZRS", False),
    ],
)
def test_archive_needs_storage_that_is_not_zone_redundant(sku: str, works: bool) -> None:
    assert supports_archive(account(sku=sku)) is works
    assert (tier_problem(account(sku=sku), "Archive") is None) is works


@pytest.mark.parametrize(
    ("tier", "works"), [("Hot", 1), ("Inferred", 1), ("Cold", 0), ("Unknown", 0)]
)
def test_tiers_that_can_be_asked_for(tier: str, works: int) -> None:
    assert (tier_problem(account(), tier) is None) is bool(works)


@pytest.mark.parametrize(
    ("service", "works"),
    [
        (BlobService(versioning=False, blob_soft_delete=False, container_soft_delete=False), True),
        (BlobService(versioning=True, blob_soft_delete=False, container_soft_delete=False), True),
        (BlobService(versioning=False, blob_soft_delete=True, container_soft_delete=False), False),
        (BlobService(versioning=False, blob_soft_delete=False, container_soft_delete=True), False),
    ],
)
def test_a_blob_service_must_not_keep_what_was_removed(service: BlobService, works: bool) -> None:
    assert (service_incompatibility(service) is None) is works


@pytest.mark.parametrize(
    ("requested", "of_account", "reported"),
    [("Cool", "Hot", "Cool"), ("Inferred", "Hot", "Hot"), ("Inferred", "", "Inferred")],
)
def test_an_inferred_tier_shows_the_account_s(
    requested: str, of_account: str, reported: str
) -> None:
    assert effective_tier(requested, of_account) == reported
