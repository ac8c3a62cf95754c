"""Machines of the inventory as the contract shows them."""

from __future__ import annotations

from starlette.requests import Request

from kyanite.areas.inventory import Machine
from kyanite.base.json_types import JsonObject
from kyanite.http.links import self_link


def machine_wire(request: Request, machine: Machine) -> JsonObject:
    """`VirtualMachine`."""
    return {
        "id": machine.id,
        "azureId": machine.azure_id,
        "name": machine.name,
        "azureEnvironment": machine.environment,
        "osType": machine.os_type,
        "regionDisplayName": machine.region_display_name,
        "regionName": machine.region,
        "totalSizeInGB": machine.total_size_gib,
        "vmSize": machine.vm_size,
        "dnsName": machine.dns_name,
        "virtualNetwork": machine.virtual_network,
        "subnet": machine.subnet,
        "publicIP": machine.public_ip,
        "privateIP": machine.private_ip,
        "hasEphemeralOsDisk": machine.has_ephemeral_os_disk,
        "availabilityZone": machine.zone,
        "isController": False,
        "isDeleted": machine.is_deleted,
        "subscriptionId": machine.subscription_id,
        "subscriptionName": machine.subscription_name,
        "tenantId": machine.tenant_id,
        "resourceGroupName": machine.resource_group,
        "_links": self_link(request, f"/virtualMachines/{machine.id}"),
    }
