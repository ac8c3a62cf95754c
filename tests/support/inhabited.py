"""A whole appliance, wired as in production, with something of everything in its database.

No job is carried out and no Azure answers: what is tested here is the API over what is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fastapi.testclient import TestClient

from kyanite.areas.access import user_queries, users
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.sign_ins import SignIns
from kyanite.areas.access.tokens import TokenPair
from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.areas.appliance.health import Health
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.tables import (
    MachineRow,
    RegionRow,
    ResourceGroupRow,
    SightingRow,
    StorageAccountRow,
    SubscriptionRow,
)
from kyanite.areas.repositories.facts import location_key
from kyanite.areas.repositories.tables import RepositoryRow
from kyanite.areas.vm.tables import DiskSnapshotRow, ProtectedMachineRow, RestorePointRow
from kyanite.base.clock import Clock
from kyanite.base.identifiers import new_id, system_id
from kyanite.base.settings import Settings
from kyanite.base.units import GIB
from kyanite.contract.operation import Operation
from kyanite.db.database import Database
from kyanite.http.rights import Role
from kyanite.rules.permission_sets import ALL_PURPOSES
from kyanite.server.app import Application, build
from kyanite.server.wiring import Appliance, wire

ADMIN, PASSWORD = "backupadmin", "S3cure-Passw0rd"
TAKEN_AT: Final = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
TENANT: Final = "8c1d2e3f-4a5b-4c6d-8e7f-901a2b3c4d5e"
SUBSCRIPTION: Final = "1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9"
GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"
MACHINE: Final = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-1"
DISK: Final = f"{GROUP}/providers/Microsoft.Compute/disks/web-1-os"
STORAGE: Final = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/shopbackups"
SUBNET: Final = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/front"

RECIPE: Final[dict[str, Any]] = {
    "machine": {
        "id": MACHINE,
        "name": "web-1",
        "location": "westeurope",
        "zones": ["1"],
        "tags": {"app": "shop"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "storageProfile": {
                "osDisk": {"name": "web-1-os", "managedDisk": {"id": DISK}, "osType": "Linux"},
                "dataDisks": [],
            },
            "networkProfile": {"networkInterfaces": []},
        },
    },
    "disks": [
        {
            "id": DISK,
            "name": "web-1-os",
            "location": "westeurope",
            "zones": ["1"],
            "sku": {"name": "Premium_LRS"},
            "properties": {"diskSizeBytes": 4 * GIB, "diskSizeGB": 4, "osType": "Linux"},
        }
    ],
    "interfaces": [
        {
            "id": f"{GROUP}/providers/Microsoft.Network/networkInterfaces/web-1",
            "location": "westeurope",
            "properties": {"ipConfigurations": [{"properties": {"subnet": {"id": SUBNET}}}]},
        }
    ],
    "publicAddresses": [],
}


@dataclass
class Inhabited:
    """The appliance and the ids of what lives in it."""

    appliance: Appliance
    app: Application
    client: TestClient
    account_id: str
    repository_id: str
    policy_id: str
    backup_id: str
    snapshot_id: str
    session_id: str
    machine_id: str = system_id(MACHINE)
    group_id: str = system_id(GROUP)
    storage_id: str = system_id(STORAGE)

    @property
    def database(self) -> Database:
        return self.appliance.database

    def headers(self, role: Role = Role.PORTAL_ADMIN) -> dict[str, str]:
        """Headers of a user of that role; the user is made when first asked for."""
        provisions = self.appliance.provisions
        name = ADMIN if role is Role.PORTAL_ADMIN else f"user-{role.value}"
        with self.database.writing() as db:
            if user_queries.find(db, name) is None:
                new = users.NewUser(name, role, PASSWORD)
                users.create(db, new, provisions.get(Passwords), provisions.get(Clock))  # type: ignore[type-abstract]
        pair = provisions.get(SignIns).with_password(name, PASSWORD)
        assert isinstance(pair, TokenPair)
        return {"Authorization": f"Bearer {pair.access}"}

    def real_path(self, operation: Operation) -> str:
        """The path of an operation with ids of things that exist, where there are any."""
        by_tag = {
            "AzureServiceAccount": self.account_id,
            "JobSessions": self.session_id,
            "Repository": self.repository_id,
            "StorageAccount": self.storage_id,
        }
        values = {
            "policyId": self.policy_id,
            "restorePointId": self.backup_id,
            "subscriptionId": SUBSCRIPTION,
            "regionId": "westeurope",
            "resourceGroupId": self.group_id,
        }
        default = by_tag.get(operation.tag, self.machine_id)
        return re.sub(r"\{([^}]*)\}", lambda m: values.get(m[1], default), operation.path)

    def policy_body(self, **changes: object) -> dict[str, Any]:
        """A policy that daily snapshots and backs up one machine."""
        return {
            "tenantId": TENANT,
            "serviceAccountId": self.account_id,
            "regions": [{"regionId": "West Europe"}],
            "name": "daily",
            "isEnabled": True,
            "backupType": "SelectedItems",
            "selectedItems": {
                "virtualMachines": [{"id": self.machine_id}],
                "tags": [{"name": "app", "value": "shop"}],
            },
            "snapshotSettings": {"copyOriginalTags": True},
            "retrySettings": {"retryCount": 3},
            "dailySchedule": {
                "dailyType": "Everyday",
                "snapshotSchedule": {"hours": [7, 19], "snapshotsToKeep": 3},
                "backupSchedule": {
                    "hours": [7],
                    "retention": {"timeRetentionDuration": 14, "retentionDurationType": "Days"},
                    "targetRepositoryId": self.repository_id,
                },
            },
            **changes,
        }


@contextmanager
def inhabited(folder: Path, database_url: str = "") -> Iterator[Inhabited]:
    """An inhabited appliance with its data in `folder`; its database there too, or by URL."""
    settings = Settings(
        data_dir=folder,
        database_url=database_url,
        admin_username=ADMIN,
        admin_password=PASSWORD,
        arm_endpoint="https://127.0.0.1:9",  # refuses: nobody is at home in Azure
    )
    appliance = wire(settings)
    # Nobody carries out jobs here; whoever asks is told that all is well.
    appliance.provisions.add(Health(appliance.database, lambda: True))
    app = build(appliance.provisions)
    client = TestClient(
        app, base_url="https://appliance.example.org", raise_server_exceptions=False
    )
    home = Inhabited(appliance, app, client, new_id(), new_id(), "", new_id(), new_id(), "")
    _settle(home)
    headers = home.headers()
    answer = client.post(
        "/api/v8.1/policies/virtualMachines", json=home.policy_body(), headers=headers
    )
    assert answer.status_code == 201, answer.text
    home.policy_id = answer.json()["id"]
    started = client.post(
        f"/api/v8.1/policies/virtualMachines/{home.policy_id}/start", headers=headers
    )
    assert started.status_code == 202, started.text
    home.session_id = started.json()[0]["id"]
    yield home
    appliance.stop()


def _settle(home: Inhabited) -> None:
    with home.database.writing() as db:
        db.add_all([_account(home.account_id), *_inventory(home.account_id), _repository(home)])
        db.add(
            ProtectedMachineRow(
                id=home.machine_id,
                azure_id=MACHINE,
                name="web-1",
                os_type="Linux",
                region="westeurope",
                subscription_id=SUBSCRIPTION,
                resource_group="shop",
                tenant_id=TENANT,
                vm_size="Standard_D2s_v5",
                zone="1",
                total_size_gib=4,
                service_account_id=home.account_id,
            )
        )
        db.flush()
        db.add_all([_point(home, home.snapshot_id, "Snapshot"), _point(home, home.backup_id)])
        db.flush()
        db.add(
            DiskSnapshotRow(
                id=f"{GROUP}/providers/Microsoft.Compute/snapshots/s1".lower(),
                point_id=home.snapshot_id,
                azure_id=f"{GROUP}/providers/Microsoft.Compute/snapshots/s1",
                disk_azure_id=DISK,
                disk_unique_id="u1",
                disk_name="web-1-os",
                size_bytes=4 * GIB,
                created_at=TAKEN_AT,
            )
        )


def _account(account_id: str) -> ServiceAccountRow:
    return ServiceAccountRow(
        id=account_id,
        name="prod-backup",
        name_key="prod-backup",
        description="production",
        environment="Global",
        application_id=new_id(),
        tenant_id=TENANT,
        tenant_name="Contoso",
        origin="Imported Secret",
        credential_sealed=b"sealed",
        cloud_state="Valid",
        purposes=list(ALL_PURPOSES),
        chosen_subscription_ids=[],
        visible_subscription_ids=[SUBSCRIPTION],
        permission_states=["AllPermissionsAvailable"],
        permissions_checked_at=TAKEN_AT,
        created_at=TAKEN_AT,
    )


def _inventory(account_id: str) -> Iterator[object]:
    region_key = f"{SUBSCRIPTION}/westeurope"
    yield SubscriptionRow(
        id=SUBSCRIPTION,
        name="production",
        environment="Global",
        tenant_id=TENANT,
        tenant_name="Contoso",
        status="Active",
    )
    yield RegionRow(
        id=region_key,
        subscription_id=SUBSCRIPTION,
        name="westeurope",
        display_name="West Europe",
        provider_types=["VirtualMachine"],
    )
    yield ResourceGroupRow(
        id=system_id(GROUP),
        azure_id=GROUP,
        name="shop",
        subscription_id=SUBSCRIPTION,
        region="westeurope",
    )
    yield StorageAccountRow(
        id=system_id(STORAGE),
        azure_id=STORAGE,
        name="shopbackups",
        subscription_id=SUBSCRIPTION,
        resource_group="shop",
        region="westeurope",
        kind="StorageV2",
        sku_name="Standard_LRS",
        access_tier="Hot",
        hierarchical_namespace=False,
        blob_endpoint="https://127.0.0.1:9/shopbackups",
        versioning=False,
        immutability_locked=False,
    )
    yield MachineRow(
        id=system_id(MACHINE),
        azure_id=MACHINE,
        name="web-1",
        subscription_id=SUBSCRIPTION,
        resource_group="shop",
        region="westeurope",
        os_type="Linux",
        vm_size="Standard_D2s_v5",
        zone="1",
        power_state="running",
        tags={"app": "shop"},
        total_size_bytes=4 * GIB,
        disk_count=1,
        disk_azure_ids=[DISK],
        has_ephemeral_os_disk=False,
        has_unmanaged_disks=False,
        virtual_network="net",
        subnet="front",
        private_ip="10.0.0.4",
    )
    for kind, resource_id in (
        (Kind.SUBSCRIPTION, SUBSCRIPTION),
        (Kind.REGION, region_key),
        (Kind.RESOURCE_GROUP, system_id(GROUP)),
        (Kind.STORAGE_ACCOUNT, system_id(STORAGE)),
        (Kind.MACHINE, system_id(MACHINE)),
    ):
        yield SightingRow(
            account_id=account_id,
            kind=kind.value,
            resource_id=resource_id,
            subscription_id=SUBSCRIPTION,
        )


def _repository(home: Inhabited) -> RepositoryRow:
    return RepositoryRow(
        id=home.repository_id,
        name="vault",
        name_key="vault",
        description="nightly",
        account_id=home.account_id,
        tenant_id=TENANT,
        environment="Global",
        storage_account_id=home.storage_id,
        storage_account_azure_id=STORAGE,
        storage_account_name="shopbackups",
        container="backups",
        folder="main",
        location_key=location_key(home.storage_id, "backups", "main"),
        region="westeurope",
        status="Ready",
        tier="Hot",
        tier_inferred=False,
        is_encrypted=True,
        hint="the usual",
        immutability_enabled=False,
        concurrency_limit=4,
        created_at=TAKEN_AT,
    )


def _point(home: Inhabited, point_id: str, destination: str = "AzureBlob") -> RestorePointRow:
    is_backup = destination == "AzureBlob"
    return RestorePointRow(
        id=point_id,
        machine_id=home.machine_id,
        destination=destination,
        kind="Full" if is_backup else "Unknown",
        state="Ok" if is_backup else "NotApplicable",
        point_in_time=TAKEN_AT,
        flags="Daily",
        policy_id=None,
        policy_name="an older policy",
        retention={},
        job_session_id=new_id(),
        repository_id=home.repository_id if is_backup else None,
        engine_point_id=point_id if is_backup else None,
        snapshot_point_id=None,
        backup_size_bytes=2 * GIB if is_backup else 0,
        region="westeurope",
        access_tier="Hot" if is_backup else None,
        recipe=RECIPE,
    )
