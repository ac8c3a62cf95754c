"""Networks, vaults, servers, sizes, tags and tenants as the contract shows them."""

from __future__ import annotations

from starlette.requests import Request

from kyanite.areas.accounts.wire import account as account_wire
from kyanite.areas.inventory.tables import ResourceRow
from kyanite.areas.inventory.values import Tag, Tenant, TenantWithAccount
from kyanite.azure.key_vault import VaultKey
from kyanite.base.json_types import JsonObject, as_object, as_texts
from kyanite.http.links import links, self_link
from kyanite.rules.machine_sizes import MachineSize

_CLOUD = "/cloudInfrastructure"


def tenant(request: Request, item: Tenant) -> JsonObject:
    """``Tenant``."""
    return {
        "tenantId": item.id,
        "name": item.name,
        "_links": self_link(request, f"{_CLOUD}/tenants/{item.id}"),
    }


def tenant_with_account(request: Request, item: TenantWithAccount) -> JsonObject:
    """``TenantWithAccount``. It has no address of its own: its parts have."""
    return {
        "id": item.id,
        "account": account_wire(request, item.account),
        "tenantId": item.tenant.id,
        "name": item.tenant.name,
        "_links": links(
            request,
            tenant=f"{_CLOUD}/tenants/{item.tenant.id}",
            account=f"/accounts/azure/service/{item.account.id}",
        ),
    }


def tag(item: Tag) -> JsonObject:
    """``Tag``."""
    return {"id": item.id, "name": item.name, "value": item.value}


def virtual_network(request: Request, row: ResourceRow) -> JsonObject:
    """``VirtualNetwork``: its id is the one of Azure."""
    return {
        "id": row.azure_id,
        "name": row.name,
        "regionName": row.region,
        "addressSpaces": list(as_texts(as_object(row.facts).get("addressSpaces"))),
        "_links": self_link(request, f"{_CLOUD}/virtualNetworks/{row.id}"),
    }


def security_group(row: ResourceRow) -> JsonObject:
    """``NetworkSecurityGroup``: its id is the one of Azure."""
    return {
        "id": row.azure_id,
        "name": row.name,
        "regionId": row.region,
        "resourceGroupName": row.resource_group,
        "subscriptionId": row.subscription_id,
    }


def availability_set(row: ResourceRow) -> JsonObject:
    """``AvailabilitySet``: its id is the one of Azure."""
    return {"id": row.azure_id, "name": row.name, "regionName": row.region}


def availability_zone(request: Request, subscription_id: str, region: str, zone: str) -> JsonObject:
    """``AvailabilityZoneInfo``. Zones have no address of their own; their region has."""
    return {
        "subscriptionId": subscription_id,
        "regionId": region,
        "name": zone,
        "_links": links(request, region=f"{_CLOUD}/regions/{region}"),
    }


def machine_size(request: Request, item: MachineSize, subscription_id: str) -> JsonObject:
    """``VmSize``. What it costs is not known: Azure tells prices elsewhere."""
    return {
        "name": item.name,
        "subscriptionId": subscription_id,
        "maxDataDiskCount": item.data_disks,
        "memoryInMB": item.memory_mib,
        "numberOfCores": item.cores,
        "osDiskSizeInMB": item.os_disk_mib,
        "resourceDiskSizeInMB": item.resource_disk_mib,
        "pricePerHour": None,
        "_links": links(request, subscription=f"{_CLOUD}/subscriptions/{subscription_id}"),
    }


def key_vault(request: Request, row: ResourceRow) -> JsonObject:
    """``KeyVault``."""
    path = f"{_CLOUD}/keyVaults/{row.id}"
    return {
        "id": row.id,
        "name": row.name,
        "subscriptionId": row.subscription_id,
        "_links": links(
            request,
            self=path,
            subscription=f"{_CLOUD}/subscriptions/{row.subscription_id}",
            keys=f"{path}/keys",
        ),
    }


def vault_key(vault_uri: str, key: VaultKey) -> JsonObject:
    """``KeyVaultKey``: ``uri`` is what a repository is protected with, without a version."""
    return {
        "name": key.name,
        "version": key.version or None,
        "uri": key.id.removesuffix(f"/{key.version}") if key.version else key.id,
        "keyVaultUri": vault_uri,
    }


def sql_server(request: Request, row: ResourceRow) -> JsonObject:
    """``SqlServer``."""
    return {
        "id": row.id,
        "name": row.name,
        "resourceId": row.azure_id,
        "subscriptionId": row.subscription_id,
        "regionId": row.region,
        "serverType": as_object(row.facts).get("serverType"),
        "_links": links(
            request,
            self=f"{_CLOUD}/sqlServers/{row.id}",
            subscription=f"{_CLOUD}/subscriptions/{row.subscription_id}",
            region=f"{_CLOUD}/regions/{row.region}",
        ),
    }


def sql_pool(request: Request, row: ResourceRow) -> JsonObject:
    """``SqlElasticPool``."""
    facts = as_object(row.facts)
    return {
        "id": row.id,
        "name": row.name,
        "resourceId": row.azure_id,
        "subscriptionId": row.subscription_id,
        "regionId": row.region,
        "serverId": facts.get("serverId"),
        "edition": facts.get("edition"),
        "dtu": facts.get("dtu"),
        "state": facts.get("state"),
        "poolStorageCapacityMb": facts.get("poolStorageMib"),
        "databaseStorageCapacityMb": facts.get("databaseStorageMib"),
        "_links": links(
            request,
            self=f"{_CLOUD}/sqlElasticPools/{row.id}",
            server=f"{_CLOUD}/sqlServers/{facts.get('serverId')}",
        ),
    }
