"""Lab and appliance together: one machine with much data, over a fast and over a slow network.

CPU seconds are those of every process of lab and product; memory is what the appliance and its
data mover hold together, looked at ten times a second.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

from bench.process_watch import Watch, watching
from bench.results_table import Figure
from bench.slow_storage import LINE
from bench.warm_memory import warm_memory
from demo import guest
from demo.appliance import Appliance
from demo.azure import Azure
from demo.processes import House
from demo.scenario import Machine, Story

MIB = 1 << 20
GIB = 1 << 30
DATA_BYTES = 4 * GIB
NETWORK = {
    "latencyMs": LINE.latency_seconds * 1000,
    "bytesPerSecond": LINE.connection_bytes_per_second,
    "totalBytesPerSecond": LINE.total_bytes_per_second,
}
CORES = 2
WARM_BYTES = 7 * GIB
ROUNDS = 3


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """A first backup, a second one, a restore; then ``rounds`` times over a slow network."""
    house = House()
    try:
        lab = house.start_lab()
        appliance = house.start_appliance(lab, "admin", "Bench-me-9-times")
        appliance.sign_in("admin", "Bench-me-9-times")
        bench = _Bench(Story(appliance, Azure(lab), 7, _silent))
        bench.prepare()
        return [*bench.fast(), *bench.slow(rounds)]
    finally:
        house.close()


class _Bench:
    def __init__(self, story: Story) -> None:
        self.story = story
        self.appliance: Appliance = story.appliance
        self.azure = story.azure

    def prepare(self) -> None:
        """One machine whose system disk holds much data."""
        self.story.connect()
        self.story.discover()
        self.machine, self.disk_id = self._large_disk()
        self.story.machines = [self.machine]
        self.written = guest.fill(self.azure, self.story.content, self.disk_id, 1, DATA_BYTES)
        self.story.protect()

    def _large_disk(self) -> tuple[Machine, str]:
        """A disk of 64 GiB or more, of the machine with the fewest disks that has one."""
        for machine in sorted(self.story.machines, key=lambda m: len(m.disk_ids)):
            for disk_id in machine.disk_ids:
                if self.azure.get(disk_id)["properties"]["diskSizeBytes"] >= 64 * GIB:
                    return machine, disk_id
        raise LookupError("no machine of the scene has a disk of 64 GiB")

    def fast(self) -> list[Figure]:
        """Without a network in between."""
        writes = self._storage_writes()
        first = self._backup()
        stored = self.story.timing.figures["stored"]
        writes = self._storage_writes() - writes
        allowed = 50 * stored / GIB + 15 * len(self.machine.disk_ids)
        size = self.azure.get(self.disk_id)["properties"]["diskSizeBytes"] / GIB
        figures = [
            Figure(
                f"memory while backing up a {size:.0f} GiB disk with 4 GiB of data",
                f"{first.peak_bytes / MIB:.0f} MiB",
                "700 MiB",
                first.peak_bytes < 700 * MIB,
            ),
            Figure(
                "write requests of a first backup",
                f"{writes} for {stored / GIB:.2f} GiB stored",
                f"{allowed:.0f}",
                writes <= allowed,
            ),
            Figure("first backup", _rate(DATA_BYTES, first)),
        ]
        changed = guest.change(self.azure, self.story.content, self.written, 0.02)
        before = self.azure.traffic("disks", "GetBlob")
        second = self._backup()
        read = self.azure.traffic("disks", "GetBlob") - before
        moved = changed.written_bytes
        figures.append(Figure("second backup", _rate(moved, second)))
        figures.append(
            Figure("bytes read by the second backup", f"{read / moved:.2f} times what was written")
        )
        figures.append(Figure("restore", _rate(DATA_BYTES, self._restore())))
        return figures

    def slow(self, rounds: int) -> list[Figure]:
        """20 ms a request, 60 MB/s a connection, 600 MB/s in all, for data only."""
        body = {"path": "^/(md-|[a-z0-9]+/archive)", "times": None, "method": None, **NETWORK}
        self.azure.set_fault(body)
        self.appliance.post(f"/policies/virtualMachines/{self.story.policy_id}/stop")
        backups: list[_Share] = []
        restores: list[_Share] = []
        for number in range(1, rounds + 1):
            self.story.timing.figures.clear()
            self._new_repository(f"slow-{number}")
            backup = self._backup()
            stored = self.story.timing.figures["stored"]
            read = self.story.timing.figures["read"]
            backups.append(_Share(backup, read + stored))
            restores.append(_Share(self._restore(), DATA_BYTES + stored))
        return [
            _against_limits("backup over a network", backups),
            _against_limits("restore over a network", restores),
        ]

    def _backup(self) -> Watch:
        with warm_memory(WARM_BYTES):
            return self._backed_up()

    def _backed_up(self) -> Watch:
        sessions = self.appliance.post(f"/policies/virtualMachines/{self.story.policy_id}/start")
        snapshot, backup = sorted(sessions, key=lambda s: s["type"] != "PolicySnapshot")
        self.appliance.wait(snapshot["id"])
        before = self.azure.traffic("disks", "GetBlob")
        with watching() as watch:
            self.appliance.wait(backup["id"])
        self.story.timing.figures["read"] = self.azure.traffic("disks", "GetBlob") - before
        point = self._newest()
        self.story.timing.figures["stored"] = point["backupSizeBytes"]
        watch.wall_seconds = self._line_seconds(backup["id"], "Transfer of")
        return watch

    def _restore(self) -> Watch:
        with warm_memory(WARM_BYTES):
            return self._restored()

    def _restored(self) -> Watch:
        point = self._newest()
        snapshots = self.appliance.get(
            "/restorePoints/virtualMachines/diskSnapshots", RestorePointId=point["id"], Limit=-1
        )["results"]
        chosen = next(s for s in snapshots if s["diskName"] == self.disk_id.rsplit("/", 1)[-1])
        name = f"bench-{time.monotonic_ns()}"
        with watching() as watch:
            session = self.appliance.post(
                f"/restorePoints/virtualMachines/{point['id']}/restoreDisk",
                {
                    "reason": "bench",
                    "serviceAccountId": self.story.account_id,
                    "toAlternative": [
                        {
                            "diskId": chosen["diskId"],
                            "name": name,
                            "type": "Managed",
                            "serviceAccountId": self.story.account_id,
                            "region": chosen["region"],
                            "subscription": chosen["subscription"],
                            "resourceGroup": chosen["resourceGroup"],
                        }
                    ],
                },
            )
            self.appliance.wait(session["id"])
        watch.wall_seconds = self._line_seconds(session["id"], "Writing")
        self.azure.delete(f"{self.disk_id.rsplit('/', 1)[0]}/{name}")
        return watch

    def _newest(self) -> Any:
        points = self.appliance.get(
            "/restorePoints/virtualMachines", VirtualMachineId=self.machine.system_id, Limit=-1
        )["results"]
        return next(p for p in points if p["backupDestination"] == "AzureBlob")

    def _line_seconds(self, session_id: str, beginning: str) -> float:
        """How long the transfer itself took, as the session's log tells it."""
        log = self.appliance.get(f"/jobSessions/{session_id}/log")["log"]
        line = next(entry for entry in log if entry["message"].startswith(beginning))
        hours, minutes, seconds = line["executionDuration"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)

    def _new_repository(self, name: str) -> None:
        """An empty repository, so that everything is stored again."""
        storage, container = self.story.place_for_backups()
        (session,) = self.appliance.post(
            "/repositories",
            {
                "name": name,
                "azureAccountId": self.story.account_id,
                "azureStorageAccountId": storage["id"],
                "azureStorageContainer": container,
                "azureStorageFolder": name,
                "enableEncryption": True,
                "password": "correct horse battery staple",
            },
        )
        self.appliance.wait(session["id"])
        self.story.repository_id = session["repositoryJobInfo"]["repositoryId"]
        self.appliance.delete(f"/policies/virtualMachines/{self.story.policy_id}")
        self.story.protect()

    def _storage_writes(self) -> int:
        return sum(
            self.azure.requests("blob", operation)
            for operation in ("PutBlob", "PutBlock", "PutBlockList")
        )


def _silent(text: str) -> None:
    """Shows nothing."""
    del text


def _rate(count: int, watch: Watch) -> str:
    return (
        f"{count / 1e6 / watch.wall_seconds:,.0f} MB/s "
        f"({watch.wall_seconds:.1f} s, {watch.cpu_seconds:.1f} CPU s of lab and product)"
    )


class _Share:
    """How much of what network and processors allow was used."""

    def __init__(self, watch: Watch, wire_bytes: int) -> None:
        self.wall_seconds = watch.wall_seconds
        self.network_seconds = wire_bytes / LINE.total_bytes_per_second
        self.cores_seconds = watch.cpu_seconds / CORES
        self.share = max(self.network_seconds, self.cores_seconds) / watch.wall_seconds


def _against_limits(name: str, runs: Sequence[_Share]) -> Figure:
    """The run in the middle, and the shares of all."""
    middle = sorted(runs, key=lambda run: run.share)[len(runs) // 2]
    share = statistics.median(run.share for run in runs)
    others = f" (of {', '.join(f'{run.share:.0%}' for run in runs)})" if len(runs) > 1 else ""
    return Figure(
        name,
        f"{share:.0%} of the limit{others}: {middle.wall_seconds:.1f} s, "
        f"the network needs {middle.network_seconds:.1f} s, "
        f"two cores {middle.cores_seconds:.1f} s",
        "80 %",
        share >= 0.8,
    )
