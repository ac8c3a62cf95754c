"""A whole house for journeys: a lab, an appliance on it, and a hand that can pull the plug."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient, ContainerClient

from demo.appliance import FINAL, Appliance
from demo.azure import Azure as GuestAzure
from demo.azure import Lab
from demo.web import Refused
from support.lab import Control, LabProcess, running_lab
from support.ports import free_port
from support.program import Program
from support.waiting import eventually

USERNAME = "admin"
PASSWORD = "Correct-horse-9-battery"
REPOSITORY_PASSWORD = "a password for this repository"
_START_SECONDS = 60.0
_SESSION_SECONDS = 120.0


@dataclass
class House:
    """A lab and an appliance; ``connect`` gives the account and the repository."""

    folder: Path
    lab: LabProcess
    appliance_settings: dict[str, str] = field(default_factory=dict)
    account_id: str = ""
    repository_id: str = ""

    def __post_init__(self) -> None:
        self.port = free_port()
        self._policies: dict[str, set[str]] = {}
        self.program = Program(
            ["serve", "--data", str(self.data), "--port", str(self.port)],
            self.settings,
            self.folder / "appliance.log",
        )
        self.guests = GuestAzure(Lab.from_json(_lab_json(self.lab)))

    @property
    def data(self) -> Path:
        """The folder of the appliance."""
        return self.folder / "appliance"

    @property
    def control(self) -> Control:
        """The control interface of the lab."""
        return self.lab.control

    @property
    def settings(self) -> dict[str, str]:
        """The environment of every program of the appliance."""
        return {
            "KYANITE_ADMIN_USERNAME": USERNAME,
            "KYANITE_ADMIN_PASSWORD": PASSWORD,
            "KYANITE_AZURE_ARM_ENDPOINT": self.lab.azure.arm,
            "KYANITE_AZURE_CA_FILE": self.lab.azure.ca,
            **self.appliance_settings,
        }

    def start(self) -> Appliance:
        """Start the appliance (again) and sign in."""
        self.program.start()
        certificate = self.data / "server.crt"
        address = f"https://127.0.0.1:{self.port}"

        def up() -> bool:
            return certificate.exists() and Appliance(address, str(certificate)).is_up()

        eventually(up, within_seconds=_START_SECONDS, what=lambda: self.program.output()[-3000:])
        client = Appliance(address, str(certificate))
        client.sign_in(USERNAME, PASSWORD)
        self.client = client
        return client

    def connect(self, *, concurrency_limit: int | None = None) -> None:
        """Save the account of the lab and create a repository."""
        self.save_account()
        self.repository_id = self.create_repository("first", concurrency_limit=concurrency_limit)

    def lose_appliance(self) -> None:
        """The appliance and all it knew are gone; the lab stays as it is."""
        self.program.kill_tree()
        shutil.rmtree(self.data)
        self._policies.clear()
        self.account_id = self.repository_id = ""

    def copy_data(self, name: str) -> None:
        """Keep a copy of the folder of the appliance, which must not run."""
        shutil.copytree(self.data, self.folder / name)

    def put_back(self, name: str) -> None:
        """Kill the appliance, and put a copy in the place of its folder."""
        self.program.kill_tree()
        shutil.rmtree(self.data)
        shutil.copytree(self.folder / name, self.data)

    def save_account(self) -> None:
        """Save the account of the lab."""
        lab = self.lab.azure
        self.account_id = self.client.post(
            "/accounts/azure/service/saveByApp",
            {
                "accountInfo": {"name": "lab"},
                "clientLoginParameters": {
                    "azureEnvironment": "Global",
                    "applicationId": lab.client_id,
                    "tenantId": lab.tenant_id,
                    "clientSecret": lab.client_secret,
                    "subscriptions": list(lab.subscription_ids),
                },
            },
        )

    def create_repository(
        self,
        folder: str,
        *,
        concurrency_limit: int | None = None,
        place: tuple[str, str] | None = None,
    ) -> str:
        """A repository, in the first container that can hold one unless ``place`` says where."""
        account, container = place or self.place_for_backups()
        (session,) = self.client.post(
            "/repositories",
            {
                "name": folder,
                "azureAccountId": self.account_id,
                "azureStorageAccountId": account,
                "azureStorageContainer": container,
                "azureStorageFolder": folder,
                "storageTier": "Hot",
                "enableEncryption": True,
                "password": REPOSITORY_PASSWORD,
                "concurrencyLimit": concurrency_limit,
            },
        )
        self.client.wait(session["id"])
        return str(session["repositoryJobInfo"]["repositoryId"])

    def import_repository(self, folder: str, password: str = REPOSITORY_PASSWORD) -> str:
        """Register the repository that is in a folder already; the session's last status.

        Given are its address and its password, nothing else.
        """
        account, container = self.place_for_backups()
        (session,) = self.client.post(
            "/repositories",
            {
                "azureAccountId": self.account_id,
                "azureStorageAccountId": account,
                "azureStorageContainer": container,
                "azureStorageFolder": folder,
                "enableEncryption": True,
                "password": password,
                "importIfFolderHasBackup": True,
            },
        )
        self.repository_id = str(session["repositoryJobInfo"]["repositoryId"])
        return str(self.end_of(session["id"])["status"])

    def take_over(self) -> None:
        """Become the owner of the repository, knowingly."""
        (session,) = self.client.post(
            "/configuration/overrideOwnership", {"repositoryIds": [self.repository_id]}
        )
        self.client.wait(session["id"])

    def end_of(self, session_id: str) -> dict[str, Any]:
        """A session when it has ended, however that was."""

        def ended() -> bool:
            return self.client.get(f"/jobSessions/{session_id}")["status"] in FINAL

        eventually(ended, within_seconds=_SESSION_SECONDS)
        session: dict[str, Any] = self.client.get(f"/jobSessions/{session_id}")
        return session

    def log_of(self, session_id: str) -> str:
        """The messages of a session's log."""
        log = self.client.get(f"/jobSessions/{session_id}/log")["log"]
        return "\n".join(line["message"] for line in log)

    def wait_until_idle(self) -> None:
        """Wait until no session is at work."""

        def idle() -> bool:
            page = self.client.get("/jobSessions", Status=["Pending", "Running"], Limit=1)
            return bool(page["totalCount"] == 0)

        eventually(idle, within_seconds=_SESSION_SECONDS)

    def backups(self, machine: Machine) -> list[str]:
        """The ids of the backups of a machine, newest first."""
        found = self.client.get(
            "/restorePoints/virtualMachines", VirtualMachineId=machine.id, Limit=-1
        )["results"]
        return [str(p["id"]) for p in found if p["backupDestination"] == "AzureBlob"]

    def place_for_backups(self) -> tuple[str, str]:
        """A storage account (system id) and one of its containers."""
        for account in self.client.everything(
            "/cloudInfrastructure/storageAccounts", repositoryCompatible="true"
        ):
            path = f"/cloudInfrastructure/storageAccounts/{account['id']}/containers"
            for container in self.client.everything(path, accountId=self.account_id):
                return account["id"], container["name"]
        raise LookupError("the scene has no storage account for a repository")

    def machine(self, name: str) -> Machine:
        """A machine of the scene, as the appliance and Azure name it."""
        found = next(m for m in self.client.everything("/virtualMachines") if m["name"] == name)
        raw = self.guests.get(found["azureId"])
        profile = raw["properties"]["storageProfile"]
        disks = [profile["osDisk"], *profile.get("dataDisks", [])]
        return Machine(
            found["id"],
            found["azureId"],
            raw["location"],
            tuple(disk["managedDisk"]["id"] for disk in disks),
        )

    def machines(self) -> list[Machine]:
        """All machines of the scene, by name."""
        return [self.machine(m["name"]) for m in self.client.everything("/virtualMachines")]

    def largest_machine(self) -> Machine:
        """The one with the most disks."""
        return max(self.machines(), key=lambda machine: len(machine.disk_ids))

    def smallest_machine(self) -> Machine:
        """The one with the fewest disks."""
        return min(self.machines(), key=lambda machine: len(machine.disk_ids))

    def policy(
        self, name: str, machines: list[Machine], *, keep: int = 2, repository_id: str | None = None
    ) -> str:
        """A policy with a daily snapshot and backup for the machines; its id.

        It has a name of its own, does not run by itself as long as a test lasts, and takes the
        machines over: earlier policies with one of them are disabled.
        """
        wanted = {machine.id for machine in machines}
        for earlier, has in self._policies.items():
            if has & wanted:
                self.client.post(f"/policies/virtualMachines/{earlier}/disable")
        far_away = [(datetime.now(UTC).hour + 12) % 24]
        body = {
            "name": f"{name} {len(self._policies) + 1}",
            "tenantId": self.lab.azure.tenant_id,
            "serviceAccountId": self.account_id,
            "regions": [{"regionId": r} for r in sorted({m.region for m in machines})],
            "isEnabled": True,
            "backupType": "SelectedItems",
            "selectedItems": {"virtualMachines": [{"id": m.id} for m in machines]},
            "snapshotSettings": {"copyOriginalTags": True, "applicationAwareSnapshot": False},
            "dailySchedule": {
                "dailyType": "Everyday",
                "snapshotSchedule": {"hours": far_away, "snapshotsToKeep": keep},
                "backupSchedule": {
                    "hours": far_away,
                    "retention": {"timeRetentionDuration": 7, "retentionDurationType": "Days"},
                    "targetRepositoryId": repository_id or self.repository_id,
                },
            },
        }
        policy_id = str(self.client.post("/policies/virtualMachines", body)["id"])
        self._policies[policy_id] = wanted
        return policy_id

    def run_policy(self, policy_id: str) -> list[str]:
        """Start a policy; the ids of its sessions, snapshots first."""
        sessions = self.client.post(f"/policies/virtualMachines/{policy_id}/start")
        order = {"PolicySnapshot": 0, "PolicyBackup": 1}
        return [s["id"] for s in sorted(sessions, key=lambda s: order[s["type"]])]

    def newest_backup(self, machine: Machine) -> str:
        """The id of the newest backup of a machine."""
        points = self.client.get(
            "/restorePoints/virtualMachines", VirtualMachineId=machine.id, Limit=-1
        )["results"]
        return str(next(p["id"] for p in points if p["backupDestination"] == "AzureBlob"))

    def back_up(self, machine: Machine) -> str:
        """A policy of its own for the machine, run once; the id of the backup."""
        for session_id in self.run_policy(self.policy(f"once {machine.id[:8]}", [machine])):
            self.client.wait(session_id)
        return self.newest_backup(machine)

    def restore(
        self, point_id: str, *, start: bool = False, to: dict[str, object] | None = None
    ) -> str:
        """Start the restore of a machine, to its old place unless ``to`` says where."""
        session = self.client.post(
            f"/restorePoints/virtualMachines/{point_id}/restoreVirtualMachine",
            {
                "reason": "test",
                "serviceAccountId": self.account_id,
                "startVmAfterRestore": start,
                "toAlternative": to,
            },
        )
        return str(session["id"])

    def restore_disks_in_place(self, point_id: str, *, excluded: Sequence[str] = ()) -> str:
        """Start the restore of disks at their machine, all but some; the session's id."""
        session = self.client.post(
            f"/restorePoints/virtualMachines/{point_id}/restoreDisk",
            {
                "reason": "test",
                "serviceAccountId": self.account_id,
                "toOriginal": {"excludedDisks": [{"diskId": disk_id} for disk_id in excluded]},
            },
        )
        return str(session["id"])

    def power_state(self, machine: Machine) -> str:
        """Whether a machine is running or deallocated, as Azure says."""
        view = self.guests.get(f"{machine.azure_id}/instanceView")
        return str(view["statuses"][-1]["code"]).rpartition("/")[2]

    def restore_disk_elsewhere(self, machine: Machine, disk_id: str, name: str) -> str:
        """Restore one disk from the newest backup under a new name; its ARM id."""
        point_id = self.newest_backup(machine)
        snapshots = self.client.get(
            "/restorePoints/virtualMachines/diskSnapshots", RestorePointId=point_id, Limit=-1
        )["results"]
        chosen = next(s for s in snapshots if s["diskName"] == disk_id.rsplit("/", 1)[-1])
        session = self.client.post(
            f"/restorePoints/virtualMachines/{point_id}/restoreDisk",
            {
                "reason": "test",
                "serviceAccountId": self.account_id,
                "toAlternative": [
                    {
                        "diskId": chosen["diskId"],
                        "name": name,
                        "type": "Managed",
                        "serviceAccountId": self.account_id,
                        "region": chosen["region"],
                        "subscription": chosen["subscription"],
                        "resourceGroup": chosen["resourceGroup"],
                    }
                ],
            },
        )
        self.client.wait(session["id"])
        return f"{disk_id.rsplit('/', 1)[0]}/{name}"

    def lose(self, machine: Machine) -> None:
        """Delete a machine with its disks and interfaces; a lost one stays lost."""
        try:
            raw = self.guests.get(machine.azure_id)
        except Refused:
            return
        self.guests.delete(machine.azure_id)
        for interface in raw["properties"]["networkProfile"]["networkInterfaces"]:
            self.guests.delete(interface["id"])
        for disk_id in machine.disk_ids:
            self.guests.delete(disk_id)

    def advance(self, seconds: float) -> None:
        """Move the clock of the lab."""
        self.control.advance(seconds)
        self.guests.forget_tokens()

    def let_snapshots_be_taken(self) -> None:
        """Azure allows seven snapshots of a disk in five minutes: these are over."""
        self.advance(301)

    def snapshots(self) -> list[str]:
        """The ids of all snapshots."""
        return [
            snapshot["id"]
            for subscription in self.lab.azure.subscription_ids
            for snapshot in self.guests.list(
                f"/subscriptions/{subscription}/providers/Microsoft.Compute/snapshots"
            )
        ]

    def containers(self) -> Iterator[ContainerClient]:
        """Every container of every storage account, through the official SDK."""
        for subscription in self.lab.azure.subscription_ids:
            for account in self.guests.list(
                f"/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts"
            ):
                service = BlobServiceClient(
                    account["properties"]["primaryEndpoints"]["blob"].rstrip("/"),
                    credential=self.lab.azure.credential(),
                    connection_verify=self.lab.azure.ca,
                )
                for container in service.list_containers():
                    yield service.get_container_client(container.name)

    def stored_objects(self) -> set[str]:
        """The names of all blobs."""
        return {
            f"{container.container_name}/{blob.name}"
            for container in self.containers()
            for blob in container.list_blobs()
        }

    def blob_contents(self) -> dict[str, bytes]:
        """Every blob with its bytes."""
        return {
            f"{container.container_name}/{blob.name}": container.download_blob(blob.name).readall()
            for container in self.containers()
            for blob in container.list_blobs()
        }

    def leftovers(self) -> list[str]:
        """Snapshots of ours without a restore point, restore disks, staging groups, open access."""
        points = self.client.everything("/restorePoints/virtualMachines")
        known = {point["id"] for point in points}
        found: list[str] = []
        for subscription in self.lab.azure.subscription_ids:
            compute = f"/subscriptions/{subscription}/providers/Microsoft.Compute"
            for kind in ("snapshots", "disks"):
                for resource in self.guests.list(f"{compute}/{kind}"):
                    tags = resource.get("tags") or {}
                    state = resource["properties"].get("diskState", "")
                    orphaned = tags.get("kyanite-point", "") not in {"", *known}
                    if "kyanite-restore" in tags or orphaned or state.startswith("Active"):
                        found.append(f"{resource['id']} {state}")
            for group in self.guests.list(f"/subscriptions/{subscription}/resourcegroups"):
                if "kyanite-restore" in (group.get("tags") or {}):
                    found.append(group["id"])
        return found


@dataclass(frozen=True)
class Machine:
    """A machine: system id, ARM id, region, ARM ids of its disks (system disk first)."""

    id: str
    azure_id: str
    region: str
    disk_ids: tuple[str, ...]


@contextmanager
def running_house(folder: Path, **appliance_settings: str) -> Iterator[House]:
    """A lab and a started, signed-in appliance for the length of a ``with``."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_lab(folder / "lab") as lab:
        house = House(folder, lab, appliance_settings)
        try:
            house.start()
            yield house
        finally:
            house.program.kill_tree()


def _lab_json(lab: LabProcess) -> dict[str, object]:
    facts: dict[str, object] = json.loads((lab.directory / "lab.json").read_text())
    return facts
