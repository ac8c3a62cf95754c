"""What Azure's JSON of machines, storage accounts and regions becomes."""

from __future__ import annotations

from kyanite.areas.inventory.machine_mapping import (
    Surroundings,
    address_facts,
    by_id,
    disk_facts,
    interface_facts,
    machine_row,
    power_state_of,
)
from kyanite.areas.inventory.resource_mapping import (
    region_rows,
    storage_account_row,
    subscription_row,
)
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject
from kyanite.base.units import GIB

GROUP = "/subscriptions/S1/resourceGroups/Shop/providers"
VM = f"{GROUP}/Microsoft.Compute/virtualMachines/web1"
OS_DISK = f"{GROUP}/Microsoft.Compute/disks/web1-os"
DATA_1 = f"{GROUP}/Microsoft.Compute/disks/web1-data1"
DATA_2 = f"{GROUP}/Microsoft.Compute/disks/web1-data2"
NIC_1 = f"{GROUP}/Microsoft.Network/networkInterfaces/web1-nic1"
NIC_2 = f"{GROUP}/Microsoft.Network/networkInterfaces/web1-nic2"
ADDRESS = f"{GROUP}/Microsoft.Network/publicIPAddresses/web1-ip"
SUBNET = f"{GROUP}/Microsoft.Network/virtualNetworks/net/subnets/front"

MACHINE: JsonObject = {
    "id": VM,
    "name": "web1",
    "location": "WestEurope",
    "tags": {"department": "sales"},
    "zones": ["2"],
    "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {
            "osDisk": {"osType": "Linux", "managedDisk": {"id": OS_DISK}, "diskSizeGB": 30},
            "dataDisks": [
                {"lun": 3, "managedDisk": {"id": DATA_2}, "diskSizeGB": 8},
                {"lun": 0, "managedDisk": {"id": DATA_1}},
            ],
        },
        "networkProfile": {
            "networkInterfaces": [
                {"id": NIC_2, "properties": {"primary": False}},
                {"id": NIC_1.upper(), "properties": {"primary": True}},
            ]
        },
    },
}
AROUND = Surroundings(
    disks=by_id(
        [
            {"id": OS_DISK, "properties": {"diskSizeBytes": 32 * GIB}},
            {"id": DATA_1.upper(), "properties": {"diskSizeGB": 64}},
        ],
        disk_facts,
    ),
    interfaces=by_id(
        [
            {
                "id": NIC_1,
                "properties": {
                    "ipConfigurations": [
                        {"properties": {"privateIPAddress": "10.0.0.9"}},
                        {
                            "properties": {
                                "primary": True,
                                "privateIPAddress": "10.0.0.4",
                                "subnet": {"id": SUBNET},
                                "publicIPAddress": {"id": ADDRESS},
                            }
                        },
                    ]
                },
            }
        ],
        interface_facts,
    ),
    public_addresses=by_id(
        [
            {
                "id": ADDRESS,
                "properties": {
                    "ipAddress": "203.0.113.7",
                    "dnsSettings": {"fqdn": "web1.westeurope.example"},
                },
            }
        ],
        address_facts,
    ),
    power_states=by_id(
        [
            {
                "id": VM,
                "properties": {
                    "instanceView": {
                        "statuses": [
                            {"code": "ProvisioningState/succeeded"},
                            {"code": "PowerState/deallocated"},
                        ]
                    }
                },
            }
        ],
        power_state_of,
    ),
)


def test_a_machine_is_described_with_its_disks_and_its_primary_address() -> None:
    row = machine_row(MACHINE, AROUND)
    assert row == {
        "id": system_id(VM),
        "azure_id": VM,
        "name": "web1",
        "subscription_id": "s1",
        "resource_group": "Shop",
        "region": "westeurope",
        "os_type": "Linux",
        "vm_size": "Standard_D2s_v5",
        "zone": "2",
        "power_state": "deallocated",
        "tags": {"department": "sales"},
        "total_size_bytes": (32 + 64 + 8) * GIB,
        "disk_count": 3,
        "disk_azure_ids": [OS_DISK, DATA_1, DATA_2],
        "has_ephemeral_os_disk": False,
        "has_unmanaged_disks": False,
        "virtual_network": "net",
        "subnet": "front",
        "private_ip": "10.0.0.4",
        "public_ip": "203.0.113.7",
        "dns_name": "web1.westeurope.example",
    }


def test_a_machine_alone_is_still_described() -> None:
    row = machine_row({"id": VM}, Surroundings())
    assert row["name"] == "web1"
    assert row["os_type"] == "Unknown"
    assert row["disk_count"] == 0
    assert row["private_ip"] is None


def test_an_ephemeral_os_disk_is_not_among_the_managed_disks() -> None:
    machine: JsonObject = {
        "id": VM,
        "properties": {
            "storageProfile": {
                "osDisk": {
                    "osType": "Windows",
                    "diffDiskSettings": {"option": "Local"},
                    "managedDisk": {"id": OS_DISK},
                    "diskSizeGB": 30,
                },
                "dataDisks": [{"lun": 0, "vhd": {"uri": "https://x/y.vhd"}, "diskSizeGB": 1}],
            }
        },
    }
    row = machine_row(machine, Surroundings())
    assert row["has_ephemeral_os_disk"] is True
    assert row["has_unmanaged_disks"] is True
    assert row["disk_azure_ids"] == []
    assert row["total_size_bytes"] == 31 * GIB


def test_a_storage_account_is_described() -> None:
    azure_id = f"{GROUP}/Microsoft.Storage/storageAccounts/backups"
    row = storage_account_row(
        {
            "id": azure_id,
            "name": "backups",
            "location": "westeurope",
            "kind": "StorageV2",
            "sku": {"name": "Standard_GRS"},
            "properties": {
                "accessTier": "Hot",
                "isHnsEnabled": False,
                "primaryEndpoints": {"blob": "https://backups.blob.example/"},
                "immutableStorageWithVersioning": {
                    "enabled": True,
                    "immutabilityPolicy": {"state": "Locked"},
                },
            },
        }
    )
    assert row["id"] == system_id(azure_id)
    assert row["blob_endpoint"] == "https://backups.blob.example"
    assert (row["versioning"], row["immutability_locked"]) == (True, True)


def test_regions_know_what_they_offer_and_groups_of_regions_are_none() -> None:
    rows = region_rows(
        [
            {"name": "westeurope", "displayName": "West Europe"},
            {"name": "europe", "metadata": {"regionType": "Logical"}},
        ],
        [
            {
                "namespace": "Microsoft.Compute",
                "resourceTypes": [
                    {"resourceType": "virtualMachines", "locations": ["West Europe"]}
                ],
            }
        ],
        "s1",
    )
    assert [row["name"] for row in rows] == ["westeurope"]
    assert rows[0]["provider_types"] == ["VirtualMachine"]


def test_regions_offer_anything_when_the_services_may_not_be_read() -> None:
    locations: list[JsonObject] = [{"name": "westeurope"}]
    assert region_rows(locations, None, "s1")[0]["provider_types"] is None
    assert region_rows(locations, [{"namespace": "X"}], "s1")[0]["provider_types"] is None


def test_a_warned_subscription_is_active_and_a_disabled_one_is_not() -> None:
    for state, status in (("Warned", "Active"), ("Disabled", "Disabled"), ("New", "Unknown")):
        row = subscription_row({"subscriptionId": "S1", "state": state}, "Global", "t", "Lab")
        assert (row["status"], row["id"], row["tenant_name"]) == (status, "s1", "Lab")
