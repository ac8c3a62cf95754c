"""What Azure said about a machine becomes what makes it again."""

from __future__ import annotations

from kyanite.azure.recipes import (
    disk_from_snapshot_body,
    disk_upload_body,
    interface_body,
    machine_body,
)
from kyanite.base.json_types import JsonObject, as_list, as_object, dig
from kyanite.base.units import GIB

DISK: JsonObject = {
    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d",
    "name": "d",
    "type": "Microsoft.Compute/disks",
    "location": "westeurope",
    "tags": {"team": "shop"},
    "zones": ["2"],
    "sku": {"name": "Premium_LRS", "tier": "Premium"},
    "managedBy": "/subscriptions/s/…/virtualMachines/v",
    "properties": {
        "osType": "Linux",
        "hyperVGeneration": "V2",
        "creationData": {"createOption": "FromImage", "imageReference": {"id": "/image"}},
        "diskSizeGB": 32,
        "diskIOPSReadWrite": 120,
        "diskMBpsReadWrite": 25,
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "timeCreated": "2026-01-01T00:00:00Z",
        "provisioningState": "Succeeded",
        "diskState": "Attached",
        "uniqueId": "u",
        "tier": "P4",
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
    },
}
MACHINE: JsonObject = {
    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v",
    "name": "v",
    "location": "westeurope",
    "tags": {"team": "shop"},
    "zones": ["2"],
    "identity": {
        "type": "SystemAssigned, UserAssigned",
        "principalId": "p",
        "tenantId": "t",
        "userAssignedIdentities": {"/ids/a": {"principalId": "x", "clientId": "y"}},
    },
    "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "provisioningState": "Succeeded",
        "vmId": "1",
        "timeCreated": "2026-01-01T00:00:00Z",
        "licenseType": "RHEL_BYOS",
        "securityProfile": {"securityType": "TrustedLaunch"},
        "somethingNewer": {"kept": True},
        "osProfile": {"computerName": "v"},
        "storageProfile": {
            "imageReference": {"id": "/image"},
            "osDisk": {
                "name": "d",
                "osType": "Linux",
                "createOption": "FromImage",
                "caching": "ReadWrite",
                "deleteOption": "Delete",
                "diskSizeGB": 32,
                "managedDisk": {"id": "/old/os", "storageAccountType": "Premium_LRS"},
            },
            "dataDisks": [
                {"lun": 3, "name": "x", "caching": "None", "managedDisk": {"id": "/old/3"}},
                {"lun": 7, "name": "y", "caching": "ReadOnly", "managedDisk": {"id": "/old/7"}},
            ],
        },
        "networkProfile": {
            "networkInterfaces": [
                {"id": "/old/n0", "properties": {"primary": False, "deleteOption": "Detach"}},
                {"id": "/old/n1", "properties": {"primary": True}},
            ]
        },
    },
}
INTERFACE: JsonObject = {
    "name": "n",
    "location": "westeurope",
    "etag": "e",
    "properties": {
        "macAddress": "00",
        "provisioningState": "Succeeded",
        "resourceGuid": "r",
        "virtualMachine": {"id": "/vm"},
        "primary": True,
        "enableAcceleratedNetworking": True,
        "dnsSettings": {"dnsServers": ["10.0.0.9"], "internalDomainNameSuffix": "x"},
        "networkSecurityGroup": {"id": "/nsg", "etag": "x"},
        "ipConfigurations": [
            {
                "name": "ip",
                "id": "/old/ip",
                "etag": "e",
                "properties": {
                    "provisioningState": "Succeeded",
                    "privateIPAddress": "10.0.0.4",
                    "privateIPAllocationMethod": "Static",
                    "subnet": {"id": "/subnet"},
                    "publicIPAddress": {"id": "/pip"},
                    "primary": True,
                },
            }
        ],
    },
}


def test_a_disk_waits_for_its_bytes_with_the_shape_of_the_old_one() -> None:
    body = disk_upload_body(DISK, 32 * GIB)
    assert dig(body, "properties", "creationData") == {
        "createOption": "Upload",
        "uploadSizeBytes": 32 * GIB + 512,
    }
    assert body["sku"] == {"name": "Premium_LRS"}
    assert (body["zones"], body["tags"]) == (["2"], {"team": "shop"})
    properties = as_object(body["properties"])
    assert properties["tier"] == "P4"
    assert not {"diskState", "uniqueId", "timeCreated", "diskIOPSReadWrite"} & set(properties)


def test_a_disk_of_another_kind_loses_what_belonged_to_the_old_kind() -> None:
    body = disk_upload_body(DISK, GIB, sku="StandardSSD_LRS", zones=(), location="northeurope")
    assert body["sku"] == {"name": "StandardSSD_LRS"}
    assert "tier" not in as_object(body["properties"])
    assert "zones" not in body
    assert body["location"] == "northeurope"


def test_only_disks_with_a_performance_of_their_own_are_given_one() -> None:
    ultra = {**DISK, "sku": {"name": "UltraSSD_LRS"}}
    body = disk_from_snapshot_body(ultra, "/snapshot")
    assert dig(body, "properties", "diskIOPSReadWrite") == 120
    assert dig(body, "properties", "creationData", "sourceResourceId") == "/snapshot"


def test_a_machine_is_made_of_attached_disks_and_keeps_everything_else() -> None:
    body = machine_body(
        MACHINE,
        os_disk_id="/new/os",
        data_disk_ids={3: "/new/3", 7: "/new/7"},
        interface_ids=["/new/n0", "/new/n1"],
    )
    properties = as_object(body["properties"])
    assert not {"osProfile", "vmId", "timeCreated", "provisioningState"} & set(properties)
    assert properties["somethingNewer"] == {"kept": True}
    assert dig(properties, "storageProfile", "osDisk") == {
        "osType": "Linux",
        "caching": "ReadWrite",
        "deleteOption": "Delete",
        "createOption": "Attach",
        "managedDisk": {"id": "/new/os"},
    }
    assert "imageReference" not in as_object(properties["storageProfile"])
    disks = [as_object(disk) for disk in as_list(dig(properties, "storageProfile", "dataDisks"))]
    assert [(disk["lun"], disk["caching"], disk["managedDisk"]) for disk in disks] == [
        (3, "None", {"id": "/new/3"}),
        (7, "ReadOnly", {"id": "/new/7"}),
    ]
    assert dig(properties, "networkProfile", "networkInterfaces") == [
        {"id": "/new/n0", "properties": {"primary": False, "deleteOption": "Detach"}},
        {"id": "/new/n1", "properties": {"primary": True}},
    ]
    assert body["identity"] == {
        "type": "SystemAssigned, UserAssigned",
        "userAssignedIdentities": {"/ids/a": {}},
    }


def test_a_machine_elsewhere_takes_what_is_given_for_it() -> None:
    body = machine_body(
        MACHINE,
        os_disk_id="/new/os",
        data_disk_ids={},
        interface_ids=["/new/n"],
        location="northeurope",
        size="Standard_B2s",
        zones=(),
        tags={},
        replaced={"licenseType": None, "availabilitySet": {"id": "/set"}},
    )
    properties = as_object(body["properties"])
    assert dig(properties, "hardwareProfile", "vmSize") == "Standard_B2s"
    assert "licenseType" not in properties
    assert properties["availabilitySet"] == {"id": "/set"}
    assert body["location"] == "northeurope"
    assert not {"zones", "tags"} & set(body)
    assert dig(properties, "storageProfile", "dataDisks") == []


def test_an_interface_keeps_its_static_address_and_lets_go_of_what_is_taken() -> None:
    properties = as_object(interface_body(INTERFACE)["properties"])
    assert not {"macAddress", "virtualMachine", "primary", "resourceGuid"} & set(properties)
    assert properties["networkSecurityGroup"] == {"id": "/nsg"}
    assert properties["dnsSettings"] == {"dnsServers": ["10.0.0.9"]}
    assert properties["ipConfigurations"] == [
        {
            "name": "ip",
            "properties": {
                "privateIPAddress": "10.0.0.4",
                "privateIPAllocationMethod": "Static",
                "subnet": {"id": "/subnet"},
                "primary": True,
            },
        }
    ]


def test_an_interface_moves_to_another_subnet_with_another_address() -> None:
    body = interface_body(
        INTERFACE,
        subnet_id="/other",
        security_group_id="",
        public_address_ids={"ip": "/new/pip"},
        keep_private_addresses=False,
    )
    properties = as_object(body["properties"])
    assert "networkSecurityGroup" not in properties
    (configuration,) = as_list(properties["ipConfigurations"])
    assert dig(configuration, "properties") == {
        "privateIPAllocationMethod": "Dynamic",
        "subnet": {"id": "/other"},
        "primary": True,
        "publicIPAddress": {"id": "/new/pip"},
    }
