"""Disks, snapshots, networks and machines made with the official SDKs, for tests of the lab."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute.models import (
    Disk,
    DiskState,
    GrantAccessData,
    Snapshot,
    VirtualMachine,
)
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import NetworkInterface, Subnet, VirtualNetwork
from azure.storage.blob import BlobClient

from support.lab import Azure
from support.lab_clients import POLL_SECONDS, resources

LOCATION = "westeurope"
FOOTER_BYTES = 512


class ComputeBench:
    """One resource group with the compute and network clients of its subscription."""

    def __init__(self, azure: Azure, group: str, subscription: int = 0) -> None:
        self.azure = azure
        self.group = group
        self.subscription_id = azure.subscription_ids[subscription]
        self.compute = ComputeManagementClient(
            azure.credential(),
            self.subscription_id,
            base_url=azure.arm,
            connection_verify=azure.ca or True,
            polling_interval=POLL_SECONDS,
            retry_total=0,
        )
        self.network = NetworkManagementClient(
            azure.credential(),
            self.subscription_id,
            base_url=azure.arm,
            connection_verify=azure.ca or True,
            polling_interval=POLL_SECONDS,
            retry_total=0,
        )

    def id_of(self, namespace: str, kind: str, name: str) -> str:
        """The ARM id of something in the group."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.group}/providers/"
            f"Microsoft.{namespace}/{kind}/{name}"
        )

    def disk(self, name: str, size_gib: int = 4, **properties: object) -> Disk:
        """A new empty disk."""
        body = {
            "location": LOCATION,
            "properties": {
                "diskSizeGB": size_gib,
                "creationData": {"createOption": "Empty"},
                **properties,
            },
        }
        return self.compute.disks.begin_create_or_update(self.group, name, Disk(body)).result()

    def upload_disk(self, name: str, size_bytes: int, **members: object) -> Disk:
        """A new disk that waits for an upload."""
        body = {
            "location": LOCATION,
            "properties": {
                "creationData": {
                    "createOption": "Upload",
                    "uploadSizeBytes": size_bytes + FOOTER_BYTES,
                },
            },
            **members,
        }
        return self.compute.disks.begin_create_or_update(self.group, name, Disk(body)).result()

    def copy_disk(self, name: str, source_id: str) -> Disk:
        """A disk with the content of a snapshot or disk."""
        body = {
            "location": LOCATION,
            "properties": {
                "creationData": {"createOption": "Copy", "sourceResourceId": source_id},
            },
        }
        return self.compute.disks.begin_create_or_update(self.group, name, Disk(body)).result()

    def snapshot(self, name: str, disk_id: str, incremental: bool = True) -> Snapshot:
        """A snapshot of a disk."""
        body = {
            "location": LOCATION,
            "tags": {"made-by": "test"},
            "properties": {
                "incremental": incremental,
                "creationData": {"createOption": "Copy", "sourceResourceId": disk_id},
            },
        }
        return self.compute.snapshots.begin_create_or_update(
            self.group, name, Snapshot(body)
        ).result()

    def read_url(self, snapshot: str, seconds: int = 3600) -> str:
        """A SAS to read a snapshot."""
        granted = self.compute.snapshots.begin_grant_access(
            self.group, snapshot, GrantAccessData(access="Read", duration_in_seconds=seconds)
        ).result()
        assert granted.access_sas
        return granted.access_sas

    def write_url(self, disk: str, seconds: int = 3600) -> str:
        """A SAS to upload to a disk."""
        granted = self.compute.disks.begin_grant_access(
            self.group, disk, GrantAccessData(access="Write", duration_in_seconds=seconds)
        ).result()
        assert granted.access_sas
        return granted.access_sas

    def blob(self, url: str) -> BlobClient:
        """The storage SDK on a SAS."""
        return BlobClient.from_blob_url(url, connection_verify=self.azure.ca or True, retry_total=0)

    def subnet(self, network: str = "net", prefix: str = "10.9.0.0/24") -> Subnet:
        """A network with one subnet."""
        body = {
            "location": LOCATION,
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
                "subnets": [{"name": "default", "properties": {"addressPrefix": prefix}}],
            },
        }
        made = self.network.virtual_networks.begin_create_or_update(
            self.group, network, VirtualNetwork(body)
        ).result()
        assert made.subnets
        first: Subnet = made.subnets[0]
        return first

    def interface(self, name: str, subnet_id: str, **ip_properties: object) -> NetworkInterface:
        """An interface in a subnet."""
        body = {
            "location": LOCATION,
            "properties": {
                "ipConfigurations": [
                    {
                        "name": "ipconfig1",
                        "properties": {"subnet": {"id": subnet_id}, **ip_properties},
                    }
                ],
            },
        }
        return self.network.network_interfaces.begin_create_or_update(
            self.group, name, NetworkInterface(body)
        ).result()

    def machine_body(
        self,
        os_disk_id: str,
        nic_id: str,
        data_disk_ids: tuple[str, ...] = (),
        delete_option: str = "Detach",
    ) -> VirtualMachine:
        """The body of a machine made of existing parts."""
        body = {
            "location": LOCATION,
            "tags": {"made-by": "test"},
            "properties": {
                "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
                "storageProfile": {
                    "osDisk": {
                        "osType": "Linux",
                        "createOption": "Attach",
                        "caching": "ReadWrite",
                        "deleteOption": delete_option,
                        "managedDisk": {"id": os_disk_id},
                    },
                    "dataDisks": [
                        {
                            "lun": lun,
                            "createOption": "Attach",
                            "caching": "ReadOnly",
                            "deleteOption": delete_option,
                            "managedDisk": {"id": disk_id},
                        }
                        for lun, disk_id in enumerate(data_disk_ids, start=2)
                    ],
                },
                "networkProfile": {
                    "networkInterfaces": [
                        {
                            "id": nic_id,
                            "properties": {"primary": True, "deleteOption": delete_option},
                        }
                    ]
                },
            },
        }
        return VirtualMachine(body)

    def machine(
        self, name: str, data_disks: int = 0, delete_option: str = "Detach"
    ) -> VirtualMachine:
        """A machine with its disks and an interface, all new."""
        os_disk = self.disk(f"{name}-os", osType="Linux", hyperVGeneration="V2")
        data = [self.disk(f"{name}-data-{number}") for number in range(data_disks)]
        nic = self.interface(f"{name}-nic", str(self.subnet(f"{name}-net").id))
        body = self.machine_body(
            str(os_disk.id), str(nic.id), tuple(str(one.id) for one in data), delete_option
        )
        return self.compute.virtual_machines.begin_create_or_update(self.group, name, body).result()

    def disk_state(self, name: str) -> str:
        """The `diskState` of a disk."""
        state = self.compute.disks.get(self.group, name).disk_state
        return DiskState(str(getattr(state, "value", state))).value


@contextmanager
def compute_bench(azure: Azure) -> Iterator[ComputeBench]:
    """A bench in a group of its own, which is deleted afterwards."""
    groups = resources(azure).resource_groups
    name = f"bench-{uuid.uuid4().hex[:8]}"
    groups.create_or_update(name, {"location": LOCATION})
    try:
        yield ComputeBench(azure, name)
    finally:
        groups.begin_delete(name).result()
