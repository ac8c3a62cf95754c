"""A disk, a repository and a mover on a lab: what a backup needs, without the appliance."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from kyanite.azure.arm import ArmClient
from kyanite.azure.blob import delegation
from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.compute import access, disks, snapshots
from kyanite.azure.compute.changed_ranges import allocated_ranges
from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.connections import ConnectionPool
from kyanite.azure.pauses import Check, go_on
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.azure_names import arm_id, group_id
from kyanite.base.json_types import as_text
from kyanite.base.units import GIB, MIB
from kyanite.datamover import client
from kyanite.datamover.client import Renew, no_progress
from kyanite.datamover.launcher import Launcher
from kyanite.datamover.messages import CredentialNeed, Limit, Progress
from kyanite.datamover.orders import (
    BackupOrder,
    BackupOutcome,
    RestoreOrder,
    RestoreOutcome,
    SourceDisk,
    StorageAccess,
    TargetDisk,
)
from kyanite.engine.keys import RestoreKeys
from kyanite.engine.ranges import RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.session import SessionTicket
from kyanite.rules.disk_size import disk_size_bytes
from kyanite.rules.restore_bodies import disk_body
from support.lab import Azure, Control
from support.shared_lab import arm_client, backup_account

_DISK_TYPE = "Microsoft.Compute/disks"
_SNAPSHOT_TYPE = "Microsoft.Compute/snapshots"
PASSWORD = "a password for tests"


@dataclass
class Bench:
    """Everything around one mover."""

    azure: Azure
    arm: ArmClient
    account_id: str
    group: str
    folder: str
    repository: Repository
    needs: list[CredentialNeed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pool = ConnectionPool(self.azure.ca)

    @property
    def control(self) -> Control:
        return Control(self.azure.control)

    @property
    def subscription_id(self) -> str:
        return self.azure.subscription_ids[0]

    def new_disk(self, size_bytes: int = GIB) -> str:
        """An empty disk; returns its id."""
        disk_id = arm_id(
            self.subscription_id, self.group, _DISK_TYPE, f"disk-{uuid.uuid4().hex[:8]}"
        )
        self.arm.put(
            disk_id,
            {
                "location": "westeurope",
                "sku": {"name": "Premium_LRS"},
                "properties": {
                    "creationData": {"createOption": "Empty"},
                    "diskSizeGB": size_bytes // GIB,
                },
            },
        )
        return disk_id

    def fill(self, disk_id: str, seed: int, pieces: int = 6, length: int = 3 * MIB) -> None:
        """Write random bytes at scattered places, as the guest would."""
        chance = random.Random(seed)
        for _ in range(pieces):
            offset = chance.randrange(0, GIB - length, 4096)
            self.control.write_disk(disk_id, offset, chance.randbytes(length))

    def snapshot(self, disk_id: str) -> str:
        """An incremental snapshot; returns its id."""
        name = f"snapshot-{uuid.uuid4().hex[:8]}"
        snapshot_id = arm_id(self.subscription_id, self.group, _SNAPSHOT_TYPE, name)
        tags = {"made-by": "test"}
        self.arm.wait(
            snapshots.begin_incremental(self.arm, snapshot_id, "westeurope", disk_id, tags)
        )
        snapshots.wait_complete(self.arm, snapshot_id)
        return snapshot_id

    def ticket(self, parent: str | None = None, machine: str = "machine") -> SessionTicket:
        """A new writing session."""
        return self.repository.open_session(str(uuid.uuid4()), machine, "label", parent)

    def storage_access(self, rights: str) -> StorageAccess:
        """The repository, with some rights."""
        url = delegation.container_access(self.arm, self.account_id, "backups", rights, 3600)
        return StorageAccess(url, self.folder)

    def backup_order(
        self,
        disk_id: str,
        snapshot_id: str,
        *,
        ticket: SessionTicket,
        previous_id: str | None = None,
        epoch: int = 1,
    ) -> BackupOrder:
        """An order as the appliance makes it."""
        return BackupOrder(
            epoch=epoch,
            keys=self.repository.backup_keys(ticket),
            ticket=ticket,
            storage=self.storage_access(delegation.BACKUP_RIGHTS),
            disks=(
                SourceDisk(
                    disk_id=disk_id.lower(),
                    name="disk",
                    size_bytes=disk_size_bytes(disks.get(self.arm, disk_id)),
                    source=access.grant_read(self.arm, snapshot_id, 3600),
                    previous=(
                        access.grant_read(self.arm, previous_id, 3600) if previous_id else None
                    ),
                ),
            ),
            recipe=b"recipe",
            ca_file=self.azure.ca,
        )

    def restore_order(
        self, session_id: str, disk_id: str, target_id: str, *, epoch: int = 1
    ) -> RestoreOrder:
        """An order that brings one disk of a point back."""
        point = self.repository.read_point(session_id)
        found = point.disk(disk_id.lower())
        assert found is not None
        return RestoreOrder(
            epoch=epoch,
            keys=self.repository.restore_keys(point),
            point=point,
            storage=self.storage_access(delegation.RESTORE_RIGHTS),
            disks=(
                TargetDisk(
                    found.disk_id,
                    found.size_bytes,
                    access.grant_write(self.arm, target_id, 3600),
                ),
            ),
            ca_file=self.azure.ca,
        )

    def renew(self, snapshot_id: str, previous_id: str | None = None) -> Renew:
        """Answers needs as the appliance does, and remembers them."""

        def renew(need: CredentialNeed) -> SignedUrl:
            self.needs.append(need)
            if need.kind == "storage":
                return self.storage_access(delegation.BACKUP_RIGHTS).container
            if need.kind == "previous":
                assert previous_id is not None
                return access.grant_read(self.arm, previous_id, 3600)
            if need.kind == "target":
                return access.grant_write(self.arm, snapshot_id, 3600)
            return access.grant_read(self.arm, snapshot_id, 3600)

        return renew

    def back_up(
        self,
        disk_id: str,
        snapshot_id: str,
        *,
        ticket: SessionTicket,
        previous_id: str | None = None,
        launcher: Launcher | None = None,
        check: Check = go_on,
        on_progress: Callable[[Progress], None] = no_progress,
        limit: Callable[[], Limit] = Limit,
    ) -> BackupOutcome:
        """Run a mover to the end; access to the snapshots is taken back whatever happens."""
        try:
            return client.run(
                self.backup_order(disk_id, snapshot_id, ticket=ticket, previous_id=previous_id),
                renew=self.renew(snapshot_id, previous_id),
                launcher=launcher,
                check=check,
                on_progress=on_progress,
                limit=limit,
            )
        finally:
            for taken in filter(None, (snapshot_id, previous_id)):
                access.revoke(self.arm, taken)

    def restore(
        self,
        session_id: str,
        disk_id: str,
        *,
        meanwhile: Callable[[], object] = lambda: None,
        launcher: Launcher | None = None,
        check: Check = go_on,
        on_progress: Callable[[Progress], None] = no_progress,
    ) -> tuple[str, RestoreOutcome]:
        """A new disk with the bytes of a point. ``meanwhile``: after the order was made."""
        raw = disks.get(self.arm, disk_id)
        target_id = f"{disk_id}-r{uuid.uuid4().hex[:6]}"
        self.arm.put(target_id, disk_body(raw, as_text(raw["location"]), None, {}))
        order = self.restore_order(session_id, disk_id, target_id)
        meanwhile()

        def keys() -> RestoreKeys:
            self.needs.append(CredentialNeed(0, "keys"))
            return self.repository.restore_keys(order.point)

        outcome = client.run(
            order,
            renew=self.renew(target_id),
            keys=keys,
            launcher=launcher,
            check=check,
            on_progress=on_progress,
        )
        access.finish_upload(self.arm, target_id)
        return target_id, outcome

    def differs(self, one_id: str, other_id: str) -> list[int]:
        """Offsets at which two disks or snapshots differ, in pieces of at most 16 MiB.

        What neither has ever written reads as zeros in both and is not compared.
        """
        written = self._written(one_id).union(self._written(other_id))
        return [
            offset
            for item in written
            for offset in range(item.offset, item.end, 16 * MIB)
            if self._bytes(one_id, offset, item.end) != self._bytes(other_id, offset, item.end)
        ]

    def _bytes(self, resource_id: str, offset: int, end: int) -> bytes:
        return self.control.read_disk(resource_id, offset, min(16 * MIB, end - offset))

    def _written(self, resource_id: str) -> RangeList:
        url = RenewableUrl(access.grant_read(self.arm, resource_id, 3600))
        try:
            pages = DiskPages(self._pool, url)
            return allocated_ranges(pages, pages.size_bytes())
        finally:
            access.revoke(self.arm, resource_id)


def new_bench(azure: Azure) -> Bench:
    """A bench with a repository of its own in a lab."""
    arm = arm_client(azure)
    account_id = as_text(backup_account(arm, azure)["id"])
    folder = f"bench-{uuid.uuid4().hex[:8]}"
    group = f"bench-{uuid.uuid4().hex[:8]}"
    arm.put(group_id(azure.subscription_ids[0], group), {"location": "westeurope"})
    url = delegation.renewable_access(
        arm, account_id, "backups", delegation.MAINTENANCE_RIGHTS, 3600
    )
    storage = BlobStorage.signed(url, folder, ca_file=azure.ca)
    repository = Repository.create(storage, PASSWORD)
    return Bench(azure, arm, account_id, group, folder, repository)
