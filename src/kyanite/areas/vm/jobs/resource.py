"""A machine as the items of a session show it (``AzureResource`` of the contract)."""

from __future__ import annotations

from kyanite.areas.inventory import Machine
from kyanite.areas.vm.tables import ProtectedMachineRow
from kyanite.base.json_types import JsonObject
from kyanite.durable.results import ItemResource


def machine_item(machine: Machine) -> ItemResource:
    """The item of a machine of the inventory."""
    return ItemResource(
        id=machine.id,
        name=machine.name,
        arm_id=machine.azure_id,
        resource=_resource(
            machine.id,
            machine.name,
            machine.resource_group,
            machine.region,
            machine.region_display_name,
            machine.subscription_id,
            machine.subscription_name,
        ),
    )


def protected_item(row: ProtectedMachineRow) -> ItemResource:
    """The item of a machine that may be gone from Azure."""
    return ItemResource(
        id=row.id,
        name=row.name,
        arm_id=row.azure_id,
        resource=_resource(
            row.id,
            row.name,
            row.resource_group,
            row.region,
            row.region,
            row.subscription_id,
            None,
        ),
    )


def _resource(
    machine_id: str,
    name: str,
    group: str,
    region: str,
    region_name: str,
    subscription_id: str,
    subscription_name: str | None,
) -> JsonObject:
    return {
        "id": machine_id,
        "name": name,
        "displayName": name,
        "resourceGroupName": group,
        "resourceType": "VirtualMachine",
        "regionId": region,
        "regionName": region_name,
        "subscriptionId": subscription_id,
        "subscriptionName": subscription_name,
    }
