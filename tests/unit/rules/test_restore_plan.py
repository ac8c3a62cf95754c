"""What a restore creates, and with which bodies."""

from __future__ import annotations

import pytest

from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject, as_list, as_object, dig
from kyanite.base.units import GIB
from kyanite.rules.restore_plan import DiskTarget, MachineTarget, plan_disk, plan_machine

GROUP = "/subscriptions/s1/resourceGroups/web"
NET = f"{GROUP}/providers/Microsoft.Network"
DISKS = f"{GROUP}/providers/Microsoft.Compute/disks"

SYSTEM_DISK: JsonObject = {
    "id": f"{DISKS}/web-os",
    "name": "web-os",
    "location": "westeurope",
    "zones": ["2"],
    "sku": {"name": "Premium_LRS", "tier": "Premium"},
    "tags": {"owner": "ops"},
    "properties": {
        "osType": "Linux",
        "hyperVGeneration": "V2",
        "diskSizeBytes": 30 * GIB,
        "diskSizeGB": 30,
        "diskState": "Attached",
        "uniqueId": "u-1",
        "timeCreated": "2026-01-01T00:00:00Z",
        "provisioningState": "Succeeded",
        "diskIOPSReadWrite": 120,
        "securityProfile": {"securityType": "TrustedLaunch"},
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "creationData": {"createOption": "FromImage", "logicalSectorSize": 512},
    },
}
DATA_DISK: JsonObject = {
    "id": f"{DISKS}/web-data",
    "name": "web-data",
    "location": "westeurope",
    "sku": {"name": "UltraSSD_LRS"},
    "properties": {"diskSizeGB": 4, "diskIOPSReadWrite": 500, "diskState": "Attached"},
}
RECIPE: JsonObject = {
    "machine": {
        "id": f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web",
        "name": "web",
        "location": "westeurope",
        "zones": ["2"],
        "tags": {"env": "prod"},
        "identity": {
            "type": "SystemAssigned, UserAssigned",
            "principalId": "p",
            "tenantId": "t",
            "userAssignedIdentities": {"/id/one": {"principalId": "x", "clientId": "y"}},
        },
        "properties": {
            "vmId": "v",
            "provisioningState": "Succeeded",
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "osProfile": {"computerName": "web"},
            "securityProfile": {"securityType": "TrustedLaunch"},
            "somethingNew": {"kept": True},
            "storageProfile": {
                "imageReference": {"offer": "debian"},
                "osDisk": {
                    "name": "web-os",
                    "osType": "Linux",
                    "createOption": "FromImage",
                    "caching": "ReadWrite",
                    "deleteOption": "Detach",
                    "managedDisk": {"id": f"{DISKS}/WEB-OS", "storageAccountType": "Premium_LRS"},
                },
                "dataDisks": [
                    {
                        "lun": 3,
                        "caching": "None",
                        "createOption": "Attach",
                        "managedDisk": {"id": f"{DISKS}/web-data"},
                    }
                ],
            },
            "networkProfile": {
                "networkInterfaces": [
                    {"id": f"{NET}/networkInterfaces/web-nic", "properties": {"primary": True}}
                ]
            },
        },
    },
    "disks": [SYSTEM_DISK, DATA_DISK],
    "interfaces": [
        {
            "id": f"{NET}/networkInterfaces/web-nic",
            "name": "web-nic",
            "location": "westeurope",
            "properties": {
                "macAddress": "00",
                "enableAcceleratedNetworking": True,
                "networkSecurityGroup": {"id": f"{NET}/networkSecurityGroups/web-nsg"},
                "dnsSettings": {"dnsServers": ["10.0.0.4"], "appliedDnsServers": ["10.0.0.4"]},
                "ipConfigurations": [
                    {
                        "name": "first",
                        "properties": {
                            "privateIPAllocationMethod": "Static",
                            "privateIPAddress": "10.0.0.9",
                            "provisioningState": "Succeeded",
                            "primary": True,
                            "subnet": {"id": f"{NET}/virtualNetworks/v/subnets/a", "etag": "x"},
                            "publicIPAddress": {"id": f"{NET}/publicIPAddresses/web-ip"},
                        },
                    }
                ],
            },
        }
    ],
    "publicAddresses": [
        {
            "id": f"{NET}/publicIPAddresses/web-ip",
            "location": "westeurope",
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static", "ipAddress": "20.1.2.3"},
        }
    ],
}


def test_a_machine_comes_back_at_its_old_place_with_its_old_shape() -> None:
    plan = plan_machine(RECIPE, None, {"restore": "r1"})

    assert [d.target_id for d in plan.disks] == [f"{DISKS}/web-os", f"{DISKS}/web-data"]
    assert [d.size_bytes for d in plan.disks] == [30 * GIB, 4 * GIB]
    assert plan.machine.target_id == RECIPE_MACHINE["id"]
    body = plan.machine.body
    assert body["zones"] == ["2"]
    assert body["tags"] == {"env": "prod"}
    assert body["identity"] == {
        "type": "SystemAssigned, UserAssigned",
        "userAssignedIdentities": {"/id/one": {}},
    }
    properties = as_object(body["properties"])
    assert properties["somethingNew"] == {"kept": True}
    assert "osProfile" not in properties
    assert "vmId" not in properties
    assert dig(properties, "storageProfile", "osDisk") == {
        "osType": "Linux",
        "caching": "ReadWrite",
        "deleteOption": "Detach",
        "createOption": "Attach",
        "managedDisk": {"id": f"{DISKS}/web-os"},
    }
    assert dig(properties, "storageProfile", "dataDisks") == [
        {
            "lun": 3,
            "caching": "None",
            "createOption": "Attach",
            "managedDisk": {"id": f"{DISKS}/web-data"},
        }
    ]
    assert "imageReference" not in as_object(properties["storageProfile"])
    assert dig(properties, "networkProfile", "networkInterfaces") == [
        {"id": f"{NET}/networkInterfaces/web-nic", "properties": {"primary": True}}
    ]
    (interface,) = plan.interfaces
    assert interface.target_id == f"{NET}/networkInterfaces/web-nic"
    assert interface.first is None
    (configuration,) = as_list(dig(interface.body, "properties", "ipConfigurations"))
    assert dig(configuration, "properties", "privateIPAddress") == "10.0.0.9"
    assert dig(configuration, "properties", "subnet") == {
        "id": f"{NET}/virtualNetworks/v/subnets/a"
    }
    (address,) = plan.addresses
    assert address.body["sku"] == {"name": "Standard"}
    assert "ipAddress" not in as_object(address.body["properties"])


RECIPE_MACHINE = as_object(RECIPE["machine"])


def test_a_disk_is_created_for_upload_with_everything_but_what_azure_sets() -> None:
    plan = plan_disk(SYSTEM_DISK, DiskTarget(), {"restore": "r1"})
    assert plan.body == {
        "location": "westeurope",
        "zones": ["2"],
        "sku": {"name": "Premium_LRS"},
        "tags": {"owner": "ops", "restore": "r1"},
        "properties": {
            "osType": "Linux",
            "hyperVGeneration": "V2",
            "securityProfile": {"securityType": "TrustedLaunch"},
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "creationData": {
                "createOption": "Upload",
                "uploadSizeBytes": 30 * GIB + 512,
                "logicalSectorSize": 512,
            },
        },
    }


def test_rates_are_asked_for_only_where_azure_takes_them() -> None:
    ultra = plan_disk(DATA_DISK, DiskTarget(), {})
    assert dig(ultra.body, "properties", "diskIOPSReadWrite") == 500
    premium = plan_disk(SYSTEM_DISK, DiskTarget(), {})
    assert dig(premium.body, "properties", "diskIOPSReadWrite") is None


def test_a_disk_in_another_region_loses_zone_and_customer_key() -> None:
    plan = plan_disk(SYSTEM_DISK, DiskTarget(region="northeurope"), {})
    assert "zones" not in plan.body
    assert dig(plan.body, "properties", "encryption") is None


def test_a_machine_elsewhere_gets_new_names_addresses_and_settings() -> None:
    target = MachineTarget(
        name="copy",
        resource_group="lab",
        vm_size="Standard_D4s_v5",
        subnet_id="/subnets/other",
        disks={f"{DISKS}/web-data".lower(): DiskTarget(name="chosen")},
    )
    plan = plan_machine(RECIPE, target, {})
    base = "/subscriptions/s1/resourceGroups/lab/providers/Microsoft."
    assert plan.machine.target_id == f"{base}Compute/virtualMachines/copy"
    assert [d.target_id for d in plan.disks] == [
        f"{base}Compute/disks/copy-web-os",
        f"{base}Compute/disks/chosen",
    ]
    assert plan.addresses == ()
    (interface,) = plan.interfaces
    assert interface.target_id == f"{base}Network/networkInterfaces/copy-nic"
    assert as_list(dig(interface.body, "properties", "ipConfigurations"))[0] == {
        "name": "first",
        "properties": {
            "primary": True,
            "privateIPAllocationMethod": "Dynamic",
            "subnet": {"id": "/subnets/other"},
        },
    }
    assert dig(plan.machine.body, "properties", "hardwareProfile") == {"vmSize": "Standard_D4s_v5"}


def test_a_dynamic_address_is_asked_for_first_and_dynamic_again_afterwards() -> None:
    (raw,) = (as_object(entry) for entry in as_list(RECIPE["interfaces"]))
    (entry,) = (as_object(e) for e in as_list(dig(raw, "properties", "ipConfigurations")))
    dynamic = {**as_object(entry["properties"]), "privateIPAllocationMethod": "Dynamic"}
    changed = {
        **raw,
        "properties": {
            **as_object(raw["properties"]),
            "ipConfigurations": [{**entry, "properties": dynamic}],
        },
    }
    (plan,) = plan_machine({**RECIPE, "interfaces": [changed]}, None, {}).interfaces
    first = as_list(dig(plan.first or {}, "properties", "ipConfigurations"))[0]
    assert dig(first, "properties", "privateIPAllocationMethod") == "Static"
    assert dig(first, "properties", "privateIPAddress") == "10.0.0.9"
    then = as_list(dig(plan.body, "properties", "ipConfigurations"))[0]
    assert dig(then, "properties", "privateIPAllocationMethod") == "Dynamic"
    assert dig(then, "properties", "privateIPAddress") is None


def test_a_zone_and_an_availability_set_exclude_each_other() -> None:
    with pytest.raises(Invalid):
        plan_machine(RECIPE, MachineTarget(zone="1", availability_set_id="/a"), {})


def test_a_point_without_the_system_disk_makes_no_machine() -> None:
    with pytest.raises(Invalid, match="system disk"):
        plan_machine({**RECIPE, "disks": [DATA_DISK]}, None, {})


def test_a_point_without_a_machine_says_so() -> None:
    with pytest.raises(Invalid, match="no machine"):
        plan_machine({"disks": [SYSTEM_DISK]}, None, {})
