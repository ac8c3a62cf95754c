"""A process freezes for longer than its lease: another one finishes, and waking up does no harm."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from kyanite.durable.lease import Timing
from support.disk_contents import MIB, Content, is_on_disk, write_noise
from support.house import House, Machine
from support.program import Program
from support.waiting import eventually

pytestmark = pytest.mark.postgres

TAKEOVER_SECONDS = 30
END_SECONDS = 90
FROZEN_SECONDS = 3 * Timing().lease_seconds
SIZE_BYTES = 24 * MIB


class Frozen:
    """Processes that are stopped until they are woken."""

    def __init__(self, program: Program, *, movers_too: bool) -> None:
        self._pids = [program.pid]
        if movers_too:
            self._pids += [mover.pid for mover in program.movers]
        self._since = time.monotonic()
        for pid in self._pids:
            os.kill(pid, signal.SIGSTOP)

    def outlast_three_leases(self) -> None:
        """Stay frozen for three leases, counted from the beginning."""
        time.sleep(max(0.0, self._since + FROZEN_SECONDS - time.monotonic()))

    def wake(self) -> None:
        """SIGCONT."""
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.fixture
def house(house_on_postgresql: House) -> House:
    """Only on PostgreSQL can two processes share the work."""
    return house_on_postgresql


@pytest.fixture
def worker(house: House) -> Iterator[Program]:
    """A worker beside the appliance, not started yet."""
    worker = Program(
        ["worker", "--data", str(house.data)], house.settings, house.folder / "worker.log"
    )
    yield worker
    worker.kill_tree()


@pytest.fixture
def machine(house: House) -> Machine:
    """The machine of these stories."""
    return house.smallest_machine()


@pytest.mark.slow
def test_a_worker_finishes_the_backup_of_a_frozen_appliance_whose_mover_runs_on(
    house: House, worker: Program, machine: Machine
) -> None:
    content = write_noise(house, machine.disk_ids[0], SIZE_BYTES, 40)
    _slow(house, "GET")
    sessions = house.run_policy(house.policy("frozen", [machine]))
    appliance = _freeze_appliance(house, worker, movers_too=False)
    try:
        house.control.clear_faults()
        eventually(lambda: not worker.movers, within_seconds=END_SECONDS, what=worker.output)
        appliance.outlast_three_leases()
    finally:
        appliance.wake()
    _is_backed_up_once(house, machine, sessions, content)


@pytest.mark.slow
@pytest.mark.parametrize("movers_too", [False, True])
def test_a_backup_outlives_the_freeze_of_one_process_and_then_of_the_other(
    house: House, worker: Program, machine: Machine, movers_too: bool
) -> None:
    content = write_noise(house, machine.disk_ids[0], SIZE_BYTES, 41)
    _slow(house, "GET")
    sessions = house.run_policy(house.policy("frozen", [machine]))
    _freeze_both(house, worker, movers_too)
    _is_backed_up_once(house, machine, sessions, content)


@pytest.mark.slow
@pytest.mark.parametrize("movers_too", [False, True])
def test_a_restore_outlives_the_freeze_of_one_process_and_then_of_the_other(
    house: House, worker: Program, machine: Machine, movers_too: bool
) -> None:
    content = write_noise(house, machine.disk_ids[0], SIZE_BYTES, 42)
    point_id = house.back_up(machine)
    house.lose(machine)
    _slow(house, "PUT")
    session_id = house.restore(point_id)
    _freeze_both(house, worker, movers_too)
    house.client.wait(session_id)
    assert is_on_disk(house, Content(machine.disk_ids[0], content.data))
    assert house.leftovers() == []


def _slow(house: House, method: str) -> None:
    """The bytes of disks trickle, until the faults are cleared."""
    house.control.add_fault(method=method, path="^/md-", totalBytesPerSecond=MIB / 4)


def _freeze_appliance(house: House, worker: Program, *, movers_too: bool) -> Frozen:
    """Freeze the appliance at work, and wait until the worker has taken over."""
    _wait_for_movers(house.program, 60, house.program.output)
    worker.start()
    eventually(
        lambda: "carrying out jobs" in worker.output(), within_seconds=60, what=worker.output
    )
    appliance = Frozen(house.program, movers_too=movers_too)
    try:
        _wait_for_movers(worker, TAKEOVER_SECONDS, worker.output)
    except BaseException:
        appliance.wake()
        raise
    return appliance


def _freeze_both(house: House, worker: Program, movers_too: bool) -> None:
    """Freeze the appliance at work; when the worker has taken over, freeze that instead."""
    appliance = _freeze_appliance(house, worker, movers_too=movers_too)
    try:
        appliance.outlast_three_leases()
    finally:
        appliance.wake()
    # Its own mover has nothing to do any more, and goes.
    eventually(
        lambda: not house.program.movers, within_seconds=TAKEOVER_SECONDS, what=house.program.output
    )

    second = Frozen(worker, movers_too=not movers_too)
    try:
        _wait_for_movers(house.program, TAKEOVER_SECONDS, house.program.output)
        house.control.clear_faults()
        eventually(
            lambda: not house.program.movers, within_seconds=END_SECONDS, what=house.program.output
        )
        second.outlast_three_leases()
    finally:
        second.wake()
    eventually(lambda: not worker.movers, within_seconds=TAKEOVER_SECONDS, what=worker.output)


def _is_backed_up_once(
    house: House, machine: Machine, sessions: list[str], content: Content
) -> None:
    for session_id in sessions:
        house.client.wait(session_id)
    points = house.client.get(
        "/restorePoints/virtualMachines", VirtualMachineId=machine.id, Limit=-1
    )["results"]
    assert [p["backupDestination"] for p in points].count("AzureBlob") == 1
    disk_id = house.restore_disk_elsewhere(machine, machine.disk_ids[0], "check")
    assert is_on_disk(house, content, disk_id)
    assert house.leftovers() == []


def _wait_for_movers(program: Program, seconds: float, explain: Callable[[], str]) -> None:
    eventually(lambda: bool(program.movers), within_seconds=seconds, what=explain)
