"""The exchange of disks at a machine."""

from __future__ import annotations

from kyanite.base.json_types import JsonObject, as_object, dig
from kyanite.rules.swap_disks import attached_disks, swapped

MACHINE: JsonObject = {
    "location": "westeurope",
    "zones": ["1"],
    "tags": {"env": "prod"},
    "identity": {"type": "SystemAssigned", "principalId": "p"},
    "properties": {
        "vmId": "v",
        "provisioningState": "Succeeded",
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {
            "osDisk": {
                "name": "old-os",
                "osType": "Linux",
                "createOption": "Attach",
                "caching": "ReadWrite",
                "managedDisk": {"id": "/disks/OLD-os", "storageAccountType": "Premium_LRS"},
            },
            "dataDisks": [
                {
                    "lun": 1,
                    "name": "kept",
                    "createOption": "Attach",
                    "managedDisk": {"id": "/disks/kept"},
                },
                {
                    "lun": 4,
                    "name": "old-data",
                    "createOption": "Attach",
                    "caching": "None",
                    "managedDisk": {"id": "/disks/old-data"},
                },
            ],
        },
    },
}
PAIRS = {"/disks/old-os": "/disks/new-os", "/disks/old-data": "/disks/new-data"}


def test_disks_change_and_their_positions_and_caching_stay() -> None:
    body = swapped(MACHINE, PAIRS)
    assert dig(body, "properties", "storageProfile", "osDisk") == {
        "osType": "Linux",
        "caching": "ReadWrite",
        "createOption": "Attach",
        "name": "new-os",
        "managedDisk": {"id": "/disks/new-os"},
    }
    assert dig(body, "properties", "storageProfile", "dataDisks") == [
        {
            "lun": 1,
            "name": "kept",
            "createOption": "Attach",
            "managedDisk": {"id": "/disks/kept"},
        },
        {
            "lun": 4,
            "caching": "None",
            "createOption": "Attach",
            "name": "new-data",
            "managedDisk": {"id": "/disks/new-data"},
        },
    ]


def test_the_rest_of_the_machine_travels_and_what_azure_sets_does_not() -> None:
    body = swapped(MACHINE, PAIRS)
    assert body["zones"] == ["1"]
    assert body["tags"] == {"env": "prod"}
    assert body["identity"] == {"type": "SystemAssigned"}
    properties = as_object(body["properties"])
    assert properties["hardwareProfile"] == {"vmSize": "Standard_D2s_v5"}
    assert "vmId" not in properties


def test_exchanging_twice_changes_nothing_more() -> None:
    once = swapped(MACHINE, PAIRS)
    assert swapped(once, PAIRS) == once


def test_the_disks_at_a_machine_are_named_in_lower_case() -> None:
    assert attached_disks(MACHINE) == {"/disks/old-os", "/disks/kept", "/disks/old-data"}
    assert attached_disks({}) == frozenset()
