"""The plug is pulled at every request that changes something, and at random moments in between.

The requests are counted by the lab. The n-th is held before it is applied, then the (n+1)-th, and
so on until one run ends without having met its request; then all over again after it was applied
and before it is answered. What counts is what changes something in Azure or in a storage: signing
in, and asking for a key to sign with, do not.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from support.disk_contents import MIB, is_on_disk
from support.kill_stage import Hold, Stage, Victim, running_stage
from support.waiting import eventually

pytestmark = pytest.mark.slow

CHANGING = "PUT|POST|PATCH|DELETE"
PATHS = r"^/(subscriptions|md-)|/(sessions|packs|index|points)/"
"""Resource Manager, disks, and what the repository stores; no tokens, no delegation keys."""
SEED = 20_260_101
MOMENTS = 20
COPY_BYTES = 96 * MIB
SLOW = 24 * MIB
"""Bytes a second while a moment in a copy is looked for."""

Begin = Callable[[], list[str]]
Check = Callable[[], None]


def sweep(stage: Stage, hold: Hold, prepare: Check, begin: Begin, check: Check) -> int:
    """Kill at request 0, 1, 2, … of what ``begin`` starts; how many requests were met."""
    for number in count():
        prepare()
        journal = stage.house.control.last_request()
        stage.hold(CHANGING, PATHS, hold, skip=number)
        sessions = begin()
        held = stage.wait_for_held()
        if held is None:
            stage.house.control.clear_faults()
            for session_id in sessions:
                stage.house.client.wait(session_id)
            return number
        print(f"{hold} {number}: {held}", flush=True)
        stage.kill("tree")
        try:
            for session_id in sessions:
                stage.house.client.wait(session_id)
            check()
            assert stage.house.leftovers() == []
            assert stage.stored_twice(journal) == []
        except Exception as error:
            error.add_note(f"killed {hold} request {number}: {held}")
            raise
    raise AssertionError("unreachable")


@pytest.mark.parametrize("hold", ["before", "after"])
def test_a_backup_survives_a_kill_at_every_request(tmp_path: Path, hold: Hold) -> None:
    with running_stage(tmp_path) as stage:
        stage.change()
        stage.let_snapshots_be_taken()
        stage.back_up()  # so that the next one has an old snapshot to delete

        def prepare() -> None:
            stage.change()
            stage.let_snapshots_be_taken()

        def check() -> None:
            assert stage.is_backed_up()

        met = sweep(stage, hold, prepare, stage.begin_backup, check)
        assert met >= 10


@pytest.mark.parametrize("hold", ["before", "after"])
def test_the_restore_of_a_lost_machine_survives_a_kill_at_every_request(
    tmp_path: Path, hold: Hold
) -> None:
    with running_stage(tmp_path) as stage:
        point_id = stage.house.newest_backup(stage.machine)

        def check() -> None:
            assert stage.is_on_disks()

        met = sweep(
            stage,
            hold,
            lambda: stage.house.lose(stage.machine),
            lambda: [stage.house.restore(point_id)],
            check,
        )
        assert met >= 12


@pytest.mark.acceptance("virtual-machines", 10)
@pytest.mark.parametrize("hold", ["before", "after"])
def test_the_restore_of_a_living_machine_survives_a_kill_at_every_request(
    tmp_path: Path, hold: Hold
) -> None:
    # Two disks; they and the interface are deleted with the machine.
    with running_stage(tmp_path, "bench-01", size_bytes=2 * MIB) as stage:
        point_id = stage.house.newest_backup(stage.machine)
        saved = list(stage.contents)

        def check() -> None:
            stage.contents = list(saved)
            assert stage.is_on_disks()
            assert stage.house.power_state(stage.machine) == "running"

        met = sweep(
            stage, hold, stage.change, lambda: [stage.house.restore(point_id, start=True)], check
        )
        assert met >= 18


@pytest.mark.parametrize("hold", ["before", "after"])
def test_an_exchange_of_disks_survives_a_kill_at_every_request(tmp_path: Path, hold: Hold) -> None:
    with running_stage(tmp_path, "shop-files", size_bytes=2 * MIB) as stage:
        system, data = stage.contents
        point_id = stage.house.newest_backup(stage.machine)

        def prepare() -> None:
            # The data disk of the point has to be at the machine, under its name.
            now = stage.house.machine("shop-files").disk_ids
            stage.house.client.wait(stage.house.restore(point_id, start=True))
            for exchanged in set(now) - {system.disk_id, data.disk_id}:
                stage.house.guests.delete(exchanged)

        def check() -> None:
            found = stage.house.machine("shop-files").disk_ids
            assert found[0] == system.disk_id
            assert found[1] != data.disk_id
            assert is_on_disk(stage.house, data, found[1])
            assert stage.house.power_state(stage.machine) == "running"

        met = sweep(
            stage,
            hold,
            prepare,
            lambda: [stage.house.restore_disks_in_place(point_id, excluded=[system.disk_id])],
            check,
        )
        assert met >= 8


def _victims() -> list[Victim]:
    victims: list[Victim] = ["tree", "parent", "mover"]
    return [victims[number % 3] for number in range(MOMENTS // 2)]


def test_backups_survive_kills_at_random_moments_inside_their_copies(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    with running_stage(tmp_path, size_bytes=COPY_BYTES) as stage:
        for victim in _victims():
            stage.change(COPY_BYTES)
            stage.let_snapshots_be_taken()
            moment = moments.random()
            journal = stage.house.control.last_request()
            before = stage.house.control.operation("disks", "GetBlob")["bytesOut"]
            stage.house.control.add_fault(method="GET", path="^/md-", totalBytesPerSecond=SLOW)
            sessions = stage.begin_backup()
            _wait_for_copied(stage, "GetBlob", "bytesOut", before + int(moment * COPY_BYTES))
            print(f"backup, {victim} at {moment:.3f}", flush=True)
            stage.kill(victim)
            for session_id in sessions:
                stage.house.client.wait(session_id)
            assert stage.is_backed_up()
            assert stage.house.leftovers() == []
            assert stage.stored_twice(journal) == []
            stored = stage.stored_pack_bytes(journal)
            assert stored <= 1.05 * COPY_BYTES, (
                f"{stored / MIB:.1f} MiB of packs, killed at {moment}"
            )


def test_restores_survive_kills_at_random_moments_inside_their_copies(tmp_path: Path) -> None:
    moments = random.Random(SEED + 1)
    with running_stage(tmp_path, size_bytes=COPY_BYTES) as stage:
        point_id = stage.house.newest_backup(stage.machine)
        for victim in _victims():
            stage.house.lose(stage.machine)
            moment = moments.random()
            before = stage.house.control.operation("disks", "PutPage")["bytesIn"]
            stage.house.control.add_fault(method="PUT", path="^/md-", totalBytesPerSecond=SLOW)
            session_id = stage.house.restore(point_id)
            _wait_for_copied(stage, "PutPage", "bytesIn", before + int(moment * COPY_BYTES))
            print(f"restore, {victim} at {moment:.3f}", flush=True)
            stage.kill(victim)
            stage.house.client.wait(session_id)
            assert stage.is_on_disks()
            assert stage.house.leftovers() == []


def _wait_for_copied(stage: Stage, operation: str, figure: str, size_bytes: int) -> None:
    """Wait until the lab has counted so many bytes, and a mover is at work on the rest."""

    def reached() -> bool:
        return stage.house.control.operation("disks", operation)[figure] >= size_bytes

    eventually(
        lambda: bool(stage.house.program.movers), within_seconds=60, what=stage.house.program.output
    )
    eventually(reached, within_seconds=60, what=stage.house.program.output)
