"""The story of the demonstration, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo import fingerprint, guest
from demo.appliance import Appliance, WorkFailed
from demo.azure import Azure
from demo.fingerprint import Fingerprint
from demo.shape import Shape, differences, shape_of
from demo.web import Refused

MIB = 1 << 20
FIRST_DISK_MIB = 352
OTHER_DISK_MIB = 208
CHANGED_SHARE = 0.02
MACHINES_WANTED = 4
SHOWN_STEP_MIB = 400
"""Progress is shown whenever so much more has been read."""

Show = Callable[[str], None]


@dataclass
class Machine:
    """One protected machine and everything that was noted of it before it was lost."""

    system_id: str
    azure_id: str
    name: str
    disk_ids: list[str]
    shape: Shape | None = None
    written: list[guest.Written] = field(default_factory=list)
    before: dict[str, Fingerprint] = field(default_factory=dict)
    differing: dict[str, list[int]] = field(default_factory=dict)
    shape_differences: list[str] = field(default_factory=list)


@dataclass
class Timing:
    """What the steps took, and what they moved."""

    seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, int] = field(default_factory=dict)


class Story:
    """Protect, change, lose, restore, compare."""

    def __init__(self, appliance: Appliance, azure: Azure, seed: int, show: Show) -> None:
        self.appliance = appliance
        self.azure = azure
        self.content = guest.Content(seed)
        self.show = show
        self.timing = Timing()
        self.machines: list[Machine] = []
        self.account_id = ""
        self.repository_id = ""
        self.policy_id = ""
        self._shown = 0

    def connect(self) -> None:
        """Add the service account and a repository."""
        lab = self.azure.lab
        self.account_id = self.appliance.post(
            "/accounts/azure/service/saveByApp",
            {
                "accountInfo": {"name": "demo", "description": "application of the lab"},
                "clientLoginParameters": {
                    "azureEnvironment": "Global",
                    "applicationId": lab.client_id,
                    "tenantId": lab.tenant_id,
                    "clientSecret": lab.client_secret,
                    "subscriptions": list(lab.subscription_ids),
                },
            },
        )
        storage, container = self.place_for_backups()
        (session,) = self.appliance.post(
            "/repositories",
            {
                "name": "demo",
                "azureAccountId": self.account_id,
                "azureStorageAccountId": storage["id"],
                "azureStorageContainer": container,
                "azureStorageFolder": "demo",
                "storageTier": "Hot",
                "enableEncryption": True,
                "password": "correct horse battery staple",
                "concurrencyLimit": 2,
            },
        )
        self.repository_id = session["repositoryJobInfo"]["repositoryId"]
        self.appliance.wait(session["id"])
        self.show(f"repository in {storage['name']}/{container}/demo, encrypted")

    def discover(self) -> None:
        """Let the appliance find the machines, and choose some of them."""
        found = list(
            self.appliance.everything("/virtualMachines", ServiceAccountId=self.account_id)
        )
        for entry in found:
            raw = self.azure.get(entry["azureId"])
            profile = raw["properties"]["storageProfile"]
            disks = [profile["osDisk"], *profile.get("dataDisks", [])]
            disk_ids = [disk["managedDisk"]["id"] for disk in disks]
            self.machines.append(Machine(entry["id"], entry["azureId"], entry["name"], disk_ids))
        # Those with several disks first: they are the ones that can go wrong.
        self.machines.sort(key=lambda m: (-len(m.disk_ids), m.name))
        self.machines = self.machines[:MACHINES_WANTED]
        self.show(f"{len(found)} machines found, {len(self.machines)} chosen")

    def fill(self) -> None:
        """The guests write their data."""
        number = 0
        for machine in self.machines:
            for position, disk_id in enumerate(machine.disk_ids):
                size = (FIRST_DISK_MIB if position == 0 else OTHER_DISK_MIB) * MIB
                machine.written.append(guest.fill(self.azure, self.content, disk_id, number, size))
                number += 1
        figures = self.timing.figures
        figures["written"] = sum(w.length for m in self.machines for w in m.written)
        figures["incompressible"] = sum(
            w.incompressible_bytes for m in self.machines for w in m.written
        )

    def protect(self) -> None:
        """Make a policy for the machines."""
        regions = sorted({self.azure.get(m.azure_id)["location"] for m in self.machines})
        policy = self.appliance.post(
            "/policies/virtualMachines",
            {
                "name": "demo",
                "tenantId": self.azure.lab.tenant_id,
                "serviceAccountId": self.account_id,
                "regions": [{"regionId": region} for region in regions],
                "isEnabled": True,
                "backupType": "SelectedItems",
                "selectedItems": {"virtualMachines": [{"id": m.system_id} for m in self.machines]},
                "snapshotSettings": {"copyOriginalTags": True, "applicationAwareSnapshot": False},
                "dailySchedule": {
                    "dailyType": "Everyday",
                    "snapshotSchedule": {"hours": [3], "snapshotsToKeep": 2},
                    "backupSchedule": {
                        "hours": [3],
                        "retention": {
                            "timeRetentionDuration": 14,
                            "retentionDurationType": "Days",
                        },
                        "targetRepositoryId": self.repository_id,
                    },
                },
            },
        )
        self.policy_id = policy["id"]

    def back_up(self, name: str) -> None:
        """Run the policy and wait for its sessions."""
        self._shown = 0
        read_before = self.azure.traffic("disks", "GetBlob")
        stored_before = self._stored_bytes()
        for session in self.appliance.post(f"/policies/virtualMachines/{self.policy_id}/start"):
            self.appliance.wait(session["id"], self._progress)
        figures = self.timing.figures
        figures[f"{name} read"] = self.azure.traffic("disks", "GetBlob") - read_before
        figures[f"{name} stored"] = self._stored_bytes() - stored_before

    def change(self) -> None:
        """The guests change a little."""
        changes = [
            guest.change(self.azure, self.content, written, CHANGED_SHARE)
            for machine in self.machines
            for written in machine.written
        ]
        self.timing.figures["changed"] = sum(c.written_bytes for c in changes)
        self.timing.figures["discarded"] = sum(c.discarded_bytes for c in changes)

    def note(self) -> None:
        """Note what every byte and every setting was."""
        for machine in self.machines:
            machine.shape = shape_of(self.azure, machine.azure_id)
            machine.before = self._fingerprints(machine.disk_ids)

    def lose(self) -> None:
        """Delete the machines, their disks and interfaces."""
        for machine in self.machines:
            raw = self.azure.get(machine.azure_id)
            self.azure.delete(machine.azure_id)
            for interface in raw["properties"]["networkProfile"]["networkInterfaces"]:
                self._delete_if_there(interface["id"])
            for disk_id in machine.disk_ids:
                self._delete_if_there(disk_id)

    def restore(self) -> None:
        """Bring every machine back from its newest backup."""
        sessions = []
        for machine in self.machines:
            points = self.appliance.get(
                "/restorePoints/virtualMachines", VirtualMachineId=machine.system_id, Limit=-1
            )["results"]
            newest = next(p for p in points if p["backupDestination"] == "AzureBlob")
            session = self.appliance.post(
                f"/restorePoints/virtualMachines/{newest['id']}/restoreVirtualMachine",
                {
                    "reason": "demonstration",
                    "serviceAccountId": self.account_id,
                    "startVmAfterRestore": False,
                },
            )
            sessions.append(session["id"])
        for session_id in sessions:
            self.appliance.wait(session_id, self._progress)

    def compare(self) -> bool:
        """Compare every byte and every setting; whether all are equal."""
        for machine in self.machines:
            after = self._fingerprints(machine.disk_ids)
            for disk_id, before in machine.before.items():
                found = fingerprint.differing_blocks(before, after[disk_id])
                machine.differing[disk_id] = found
            assert machine.shape is not None
            machine.shape_differences = differences(
                machine.shape, shape_of(self.azure, machine.azure_id)
            )
        return not any(
            any(machine.differing.values()) or machine.shape_differences
            for machine in self.machines
        )

    def timed(self, name: str, step: Callable[[], None]) -> None:
        """Do a step, remember how long it took, and say so."""
        started = time.monotonic()
        step()
        self.timing.seconds[name] = time.monotonic() - started
        self.show(f"{name} … {self.timing.seconds[name]:.1f} s")

    def _fingerprints(self, disk_ids: list[str]) -> dict[str, Fingerprint]:
        return {
            disk_id: fingerprint.take(self.azure, disk_id, f"demo-check-{number}")
            for number, disk_id in enumerate(disk_ids)
        }

    def place_for_backups(self) -> tuple[Any, str]:
        """A storage account (as the API shows it) and one of its containers."""
        for account in self.appliance.everything(
            "/cloudInfrastructure/storageAccounts", repositoryCompatible="true"
        ):
            containers = list(
                self.appliance.everything(
                    f"/cloudInfrastructure/storageAccounts/{account['id']}/containers",
                    accountId=self.account_id,
                )
            )
            if containers:
                return account, containers[0]["name"]
        raise WorkFailed("no storage account with a container can hold a repository")

    def _stored_bytes(self) -> int:
        points = self.appliance.get("/restorePoints/virtualMachines", Limit=-1)["results"]
        return sum(p["backupSizeBytes"] for p in points if p["backupDestination"] == "AzureBlob")

    def _progress(self, session: Any) -> None:
        if session["type"] == "PolicyBackup" and session["status"].startswith("Running"):
            read = self.appliance.read_bytes(session["id"]) // MIB
            if read >= self._shown + SHOWN_STEP_MIB:
                self._shown = read
                self.show(f"  {read:,} MiB read")

    def _delete_if_there(self, resource_id: str) -> None:
        try:
            self.azure.delete(resource_id)
        except Refused as answer:
            if answer.status != 404:
                raise
