"""The inventory as the contract shows it."""

from __future__ import annotations

from starlette.requests import Request

from kyanite.areas.inventory.live import StorageItem
from kyanite.areas.inventory.values import Region, ResourceGroup, StorageAccount, Subscription
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject
from kyanite.http.links import links, self_link
from kyanite.rules import storage_accounts as rules


def subscription(request: Request, item: Subscription) -> JsonObject:
    """``AzureSubscription``. Every listed one is seen by an account, so it is available."""
    return {
        "id": item.id,
        "environment": item.environment,
        "tenantId": item.tenant_id,
        "tenantName": item.tenant_name,
        "name": item.name,
        "status": item.status,
        "availability": "Available",
        "workerResourceGroupName": None,
        "_links": links(
            request,
            self=f"/cloudInfrastructure/subscriptions/{item.id}",
            tenant=f"/cloudInfrastructure/tenants/{item.tenant_id}",
        ),
    }


def region(item: Region) -> JsonObject:
    """``Region``: the code name is its id."""
    return {"id": item.id, "name": item.name, "resourceId": system_id(f"/locations/{item.id}")}


def resource_group(request: Request, item: ResourceGroup) -> JsonObject:
    """``ResourceGroup``."""
    return {
        "id": item.id,
        "resourceId": item.azure_id,
        "name": item.name,
        "azureEnvironment": item.environment,
        "subscriptionId": item.subscription_id,
        "tenantId": item.tenant_id,
        "regionId": item.region,
        "_links": links(
            request,
            self=f"/cloudInfrastructure/resourceGroups/{item.id}",
            subscription=f"/cloudInfrastructure/subscriptions/{item.subscription_id}",
            region=f"/cloudInfrastructure/regions/{item.region}",
        ),
    }


def storage_account(request: Request, item: StorageAccount) -> JsonObject:
    """``StorageAccount``."""
    path = f"/cloudInfrastructure/storageAccounts/{item.id}"
    return {
        "id": item.id,
        "resourceId": item.azure_id,
        "name": item.name,
        "skuName": item.sku_name,
        "performance": rules.performance(item.sku_name),
        "redundancy": rules.redundancy(item.sku_name),
        "accessTier": item.access_tier,
        "regionId": item.region,
        "regionName": item.region_name,
        "resourceGroupName": item.resource_group,
        "removedFromAzure": item.removed,
        "supportsTiering": rules.supports_tiering(item.shape),
        "isImmutableStorage": item.versioning,
        "isImmutableStoragePolicyLocked": item.immutability_locked,
        "subscriptionId": item.subscription_id,
        "tenantId": item.tenant_id,
        "_links": links(
            request,
            self=path,
            subscription=f"/cloudInfrastructure/subscriptions/{item.subscription_id}",
            region=f"/cloudInfrastructure/regions/{item.region}",
            containers=f"{path}/containers",
        ),
    }


def storage_item(request: Request, item: StorageItem, path: str) -> JsonObject:
    """``AzureStorageItem`` at ``path``: a container or a folder."""
    return {
        "name": item.name,
        "supportsVersioning": item.supports_versioning,
        "ImmutabilityPolicyState": item.immutability_policy,
        "_links": self_link(request, path),
    }
