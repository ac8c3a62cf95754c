"""From Azure's JSON of subscriptions, regions, groups and storage accounts to rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from kyanite.base.azure_names import ArmId, region_code
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, dig

PROVIDER_TYPES: Final = MappingProxyType(
    {
        "VirtualMachine": ("microsoft.compute", "virtualmachines"),
        "SqlServer": ("microsoft.sql", "servers"),
        "SqlManagedInstance": ("microsoft.sql", "managedinstances"),
        "VirtualNetwork": ("microsoft.network", "virtualnetworks"),
        "CosmosDb": ("microsoft.documentdb", "databaseaccounts"),
        "StorageAccount": ("microsoft.storage", "storageaccounts"),
    }
)
"""``ResourceProviderType`` of the contract → (namespace, type) of Azure."""

_STATUSES: Final = MappingProxyType(
    {"enabled": "Active", "warned": "Active", "pastdue": "Active", "disabled": "Disabled"}
)


def subscription_row(
    raw: JsonObject, environment: str, tenant_id: str, tenant_name: str | None
) -> dict[str, object]:
    """The columns of ``SubscriptionRow``; the tenant is the account's when Azure names none."""
    own_tenant = as_text(raw.get("tenantId")).lower() or tenant_id
    return {
        "id": as_text(raw.get("subscriptionId")).lower(),
        "name": as_text(raw.get("displayName")),
        "environment": environment,
        "tenant_id": own_tenant,
        "tenant_name": tenant_name if own_tenant == tenant_id else None,
        "status": _STATUSES.get(as_text(raw.get("state")).lower(), "Unknown"),
    }


def region_rows(
    locations: Iterable[JsonObject],
    providers: Sequence[JsonObject] | None,
    subscription_id: str,
) -> list[dict[str, object]]:
    """The columns of ``RegionRow`` for each physical region."""
    offered = None if providers is None else _offers(providers)
    rows: list[dict[str, object]] = []
    for raw in locations:
        if as_text(dig(raw, "metadata", "regionType")).lower() == "logical":
            continue  # "Europe", "Asia": groups of regions, nothing can be put there
        name = region_code(as_text(raw.get("name")))
        rows.append(
            {
                "id": f"{subscription_id}/{name}",
                "subscription_id": subscription_id,
                "name": name,
                "display_name": as_text(raw.get("displayName")) or name,
                "zones": sorted(
                    as_text(as_object(mapping).get("logicalZone"))
                    for mapping in as_list(raw.get("availabilityZoneMappings"))
                ),
                "provider_types": (
                    None
                    if offered is None
                    else sorted(kind for kind, places in offered.items() if name in places)
                ),
            }
        )
    return rows


def resource_group_row(raw: JsonObject, subscription_id: str) -> dict[str, object]:
    """The columns of ``ResourceGroupRow``."""
    azure_id = as_text(raw.get("id"))
    return {
        "id": system_id(azure_id),
        "azure_id": azure_id,
        "name": as_text(raw.get("name")),
        "subscription_id": subscription_id,
        "region": region_code(as_text(raw.get("location"))),
    }


def storage_account_row(raw: JsonObject) -> dict[str, object]:
    """The columns of ``StorageAccountRow``. Raises ``Invalid`` when there is no usable id."""
    azure_id = as_text(raw.get("id"))
    arm_id = ArmId.parse(azure_id)
    properties = as_object(raw.get("properties"))
    immutable = as_object(properties.get("immutableStorageWithVersioning"))
    policy = as_object(immutable.get("immutabilityPolicy"))
    return {
        "id": system_id(azure_id),
        "azure_id": azure_id,
        "name": as_text(raw.get("name")) or arm_id.name,
        "subscription_id": arm_id.subscription_id.lower(),
        "resource_group": arm_id.group,
        "region": region_code(as_text(raw.get("location"))),
        "kind": as_text(raw.get("kind")),
        "sku_name": as_text(dig(raw, "sku", "name")),
        "access_tier": as_text(properties.get("accessTier")) or None,
        "hierarchical_namespace": properties.get("isHnsEnabled") is True,
        "blob_endpoint": as_text(dig(properties, "primaryEndpoints", "blob")).rstrip("/"),
        "versioning": immutable.get("enabled") is True,
        "immutability_locked": as_text(policy.get("state")).lower() == "locked",
    }


def _offers(providers: Sequence[JsonObject]) -> Mapping[str, frozenset[str]] | None:
    """``ResourceProviderType`` → regions; ``None`` when Azure told no types at all."""
    places = {
        (
            as_text(provider.get("namespace")).lower(),
            as_text(as_object(kind).get("resourceType")).lower(),
        ): frozenset(
            region_code(as_text(place)) for place in as_list(as_object(kind).get("locations"))
        )
        for provider in providers
        for kind in as_list(provider.get("resourceTypes"))
    }
    if not places:
        return None
    return {name: places.get(key, frozenset()) for name, key in PROVIDER_TYPES.items()}
