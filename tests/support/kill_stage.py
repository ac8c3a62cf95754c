"""A protected machine, and a plug that is pulled at a chosen request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import psutil

from support.disk_contents import MIB, Content, change, is_on_disk, write_noise
from support.house import House, Machine, running_house
from support.lab import JournalLine
from support.stored_packs import stored_twice
from support.waiting import eventually

Victim: TypeAlias = Literal["tree", "parent", "mover"]
Hold: TypeAlias = Literal["before", "after"]

HELD_SECONDS = 90
ORPHAN_SECONDS = 20
SIZE_BYTES = 8 * MIB


@dataclass
class Stage:
    """A house with one protected machine, used by all the kills of a module."""

    house: House
    machine: Machine
    policy_id: str
    contents: list[Content]
    """What the guest has on the disks of the machine now."""
    round: int = 0

    def change(self, size_bytes: int = MIB) -> None:
        """The guest overwrites a part of the first disk, so that there is something to do."""
        self.round += 1
        content = self.contents[0]
        offset = self.round * size_bytes % len(content.data)
        self.contents[0] = change(self.house, content, offset, size_bytes, 1000 + self.round)

    def let_snapshots_be_taken(self) -> None:
        """Azure's limit of snapshots in five minutes does not count those before."""
        self.house.let_snapshots_be_taken()

    def begin_backup(self) -> list[str]:
        """Run the policy; the sessions."""
        return self.house.run_policy(self.policy_id)

    def back_up(self) -> None:
        """Run the policy to its end."""
        for session_id in self.begin_backup():
            self.house.client.wait(session_id)

    def hold(self, method: str, path: str, hold: Hold, skip: int = 0) -> None:
        """Let the lab hold a request."""
        self.house.control.add_fault(method=method, path=path, hold=hold, skip=skip, times=1)

    def wait_for_held(self) -> str | None:
        """Method and path of the held request; None when all sessions ended without it."""
        eventually(
            lambda: bool(self._held()) or self._nothing_runs(),
            within_seconds=HELD_SECONDS,
            what=self.house.program.output,
        )
        held = self._held()
        return held[0] if held else None

    def kill(self, victim: Victim) -> None:
        """Kill the appliance, or a part of it; what died with it is started again."""
        program = self.house.program
        movers = program.movers
        if victim == "mover":
            for mover in movers:
                mover.kill()
            self.house.control.clear_faults()
            return
        if victim == "parent":
            program.kill_alone()
            _, alive = psutil.wait_procs(movers, timeout=ORPHAN_SECONDS)
            assert not alive, "a data mover goes on without its parent"
        else:
            program.kill_tree()
        self.house.control.clear_faults()
        self.house.start()

    def is_backed_up(self) -> bool:
        """Whether the newest backup holds what is on the disks; restores them to look."""
        for number, content in enumerate(self.contents):
            name = f"look-{self.round}-{number}"
            disk_id = self.house.restore_disk_elsewhere(self.machine, content.disk_id, name)
            same = is_on_disk(self.house, content, disk_id)
            self.house.guests.delete(disk_id)
            if not same:
                return False
        return True

    def is_on_disks(self) -> bool:
        """Whether the disks of the machine hold what they should."""
        return all(is_on_disk(self.house, content) for content in self.contents)

    def stored_pack_bytes(self, after: int) -> int:
        """Bytes of all packs that the lab has stored since this request of its journal."""
        return sum(line.bytes_in for line in self._packs_put(after))

    def stored_twice(self, after: int) -> list[str]:
        """Chunks that the packs stored since this request of the journal hold twice."""
        return stored_twice(self.house, (line.path for line in self._packs_put(after)))

    def _packs_put(self, after: int) -> list[JournalLine]:
        return [
            line
            for line in self.house.control.journal(after)
            if line.operation == "PutBlob" and "/packs/" in line.path and line.status == 201
        ]

    def _held(self) -> list[str]:
        return [
            f"{held['method']} {held['path']}"
            for fault in self.house.control.faults()
            for held in fault.get("held", ())  # type: ignore[attr-defined]
        ]

    def _nothing_runs(self) -> bool:
        running = self.house.client.get("/jobSessions", Status=["Pending", "Running"], Limit=1)
        return bool(running["totalCount"] == 0)


@contextmanager
def running_stage(
    folder: Path, machine_name: str | None = None, *, size_bytes: int = SIZE_BYTES
) -> Iterator[Stage]:
    """A house whose machine (by default the smallest) has noise on its disks and one backup.

    Its disks hold nothing but the noise, so that a restore makes few requests.
    """
    with running_house(folder) as house:
        house.connect()
        machine = house.machine(machine_name) if machine_name else house.smallest_machine()
        contents = []
        for number, disk_id in enumerate(machine.disk_ids):
            size_gib = house.guests.get(disk_id)["properties"]["diskSizeGB"]
            house.control.discard_disk(disk_id, 0, size_gib << 30)
            contents.append(write_noise(house, disk_id, size_bytes, 5 + number))
        stage = Stage(house, machine, house.policy("daily", [machine]), contents)
        stage.back_up()
        yield stage
