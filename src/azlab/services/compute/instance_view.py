"""The instance view of a machine: power and provisioning as Azure spells them."""

from __future__ import annotations

from datetime import datetime

from azlab.core.clock import iso
from azlab.core.json_types import JsonObject, JsonValue, object_at, text_at
from azlab.core.resources import Record
from azlab.core.state import Transaction
from azlab.services.compute import machine_power
from azlab.services.compute.machine_disks import entries

_POWER = {
    machine_power.RUNNING: "VM running",
    machine_power.STOPPED: "VM stopped",
    machine_power.DEALLOCATED: "VM deallocated",
    machine_power.STARTING: "VM starting",
    machine_power.STOPPING: "VM stopping",
    machine_power.DEALLOCATING: "VM deallocating",
}


def instance_view(tx: Transaction, record: Record, now: datetime) -> JsonObject:
    """What `…/instanceView` answers."""
    state = text_at(record.body, "properties", "provisioningState")
    power = machine_power.power_of(tx, record.id.text)
    storage = object_at(record.body, "properties", "storageProfile")
    disks: list[JsonValue] = [
        {"name": text_at(entry, "name"), "statuses": [_provisioning("Succeeded", now)]}
        for entry in entries(storage)
    ]
    view: JsonObject = {
        "hyperVGeneration": "V1",
        "disks": disks,
        "statuses": [
            _provisioning(state, now),
            {
                "code": f"PowerState/{power}",
                "level": "Info",
                "displayStatus": _POWER[power],
            },
        ],
    }
    if power == machine_power.RUNNING:
        windows = text_at(storage, "osDisk", "osType") == "Windows"
        view["computerName"] = record.id.name
        view["osName"] = "Windows Server 2022 Datacenter" if windows else "debian"
        view["osVersion"] = "10.0.20348" if windows else "12"
        view["vmAgent"] = {
            "vmAgentVersion": "2.7.41491.1111" if windows else "2.9.1.1",
            "statuses": [
                {
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": "Ready",
                    "message": "Guest Agent is running",
                    "time": iso(now),
                }
            ],
        }
    return view


def _provisioning(state: str, now: datetime) -> JsonObject:
    done = state in ("Succeeded", "Failed")
    return {
        "code": f"ProvisioningState/{state.lower()}",
        "level": "Error" if state == "Failed" else "Info",
        "displayStatus": ("Provisioning " if done else "") + state.lower(),
        "time": iso(now),
    }
