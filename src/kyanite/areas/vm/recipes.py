"""The recipe that a point in the repository carries: all that is needed to bring a machine back."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kyanite.areas.inventory import Machine
from kyanite.base.json_types import JsonObject

VERSION: Final = 1
KIND: Final = "virtual-machine"


def recipe_document(
    machine: Machine,
    configuration: JsonObject,
    *,
    policy: tuple[str, str],
    flags: str,
    retention: JsonObject,
    taken_at: datetime,
) -> JsonObject:
    """The recipe as JSON; ``configuration`` is what Azure gave when the snapshots were taken."""
    return {
        "version": VERSION,
        "kind": KIND,
        "takenAt": taken_at.isoformat(),
        "policy": {"id": policy[0], "name": policy[1]},
        "flags": flags,
        "retention": retention,
        "summary": {
            "machineId": machine.id,
            "azureId": machine.azure_id,
            "name": machine.name,
            "osType": machine.os_type,
            "region": machine.region,
            "subscriptionId": machine.subscription_id,
            "resourceGroup": machine.resource_group,
            "tenantId": machine.tenant_id,
            "vmSize": machine.vm_size,
            "zone": machine.zone,
            "totalSizeGib": machine.total_size_gib,
        },
        "configuration": configuration,
    }
