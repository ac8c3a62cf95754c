"""Limits, stopping and progress do what they say."""

from __future__ import annotations

import time
from itertools import groupby, pairwise

import pytest

from kyanite.durable.item import DUE_SECONDS
from support.disk_contents import MIB, scatter_noise, write_noise
from support.house import House
from support.stops import stop_in_time
from support.waiting import eventually


def test_a_limit_of_one_lets_one_machine_at_a_time_write(house: House) -> None:
    machines = house.machines()[:3]
    for machine in machines:
        write_noise(house, machine.disk_ids[0], 4 * MIB, 21)
    repository = house.create_repository("narrow", concurrency_limit=1)
    policy = house.policy("narrow", machines, repository_id=repository)
    before = house.control.last_request()
    _, backup = house.run_policy(policy)
    house.client.wait(backup)
    # As the lab saw it: whose data comes after whose point.
    stored = [
        line.path.split("/narrow/", 1)[1].split("/")[:2]
        for line in house.control.journal(before)
        if line.operation == "PutBlob" and "/narrow/" in line.path and line.status == 201
    ]
    writers = [session for kind, session in stored if kind in ("packs", "points")]
    turns = [session for session, _ in groupby(writers)]
    assert len(turns) == len(set(turns)) == len(machines), stored
    items = house.client.get(f"/jobSessions/{backup}/protectedItems", Limit=-1)["results"]
    runs = sorted((run["startTime"], run["endTime"]) for item in items for run in item["runs"])
    assert len(runs) == len(machines)
    assert all(end <= start for (_, end), (start, _) in pairwise(runs))


def test_a_machine_in_two_policies_is_left_to_the_one_with_the_higher_priority(
    house: House,
) -> None:
    machine, other = house.machines()[:2]
    owner = house.policy("owner", [machine])
    both = house.policy("both", [machine, other])
    house.client.post(f"/policies/virtualMachines/{owner}/enable")
    snapshots, backup = house.run_policy(both)
    for session_id in (snapshots, backup):
        house.client.wait(session_id)
        items = house.client.get(f"/jobSessions/{session_id}/protectedItems", Limit=-1)["results"]
        assert [item["resource"]["id"] for item in items] == [other.id]
    log = house.client.get(f"/jobSessions/{snapshots}/log")["log"]
    assert any("is left to policy owner" in line["message"] for line in log)


@pytest.mark.measured
def test_a_stop_in_the_middle_of_a_copy_is_final_within_seconds_and_leaves_nothing(
    house: House,
) -> None:
    machine = house.smallest_machine()
    write_noise(house, machine.disk_ids[0], 96 * MIB, 22)
    blobs = house.stored_objects()
    house.control.add_fault(method="GET", path="^/md-", times=None, totalBytesPerSecond=8 * MIB)
    snapshots, backup = house.run_policy(house.policy("slow", [machine]))
    house.client.wait(snapshots)
    eventually(lambda: house.client.read_bytes(backup) > 0, within_seconds=60)
    stop_in_time(house, backup)
    house.control.clear_faults()
    assert house.program.movers == []
    assert house.leftovers() == []
    left = house.stored_objects() - blobs
    assert not [name for name in left if "/packs/" in name or "/index/" in name]


@pytest.mark.measured
def test_progress_grows_and_is_within_a_tenth_of_the_bytes_moved(house: House) -> None:
    machine = house.smallest_machine()
    # Small reads, or what is under way at once would be a good part of the whole.
    scatter_noise(house, machine.disk_ids[0], 768, MIB // 4, 2 * MIB, 23)
    whole = 768 * MIB // 4
    house.control.add_fault(method="GET", path="^/md-", times=None, totalBytesPerSecond=12 * MIB)
    begun = _bytes_of_disks(house)
    _, backup = house.run_policy(house.policy("slow", [machine]))
    seen: list[int] = []
    looks: list[tuple[float, int]] = []
    while house.client.get(f"/jobSessions/{backup}")["status"] in ("Pending", "Running"):
        # Bytes move on while the reading is on its way: what is true lies between two looks,
        # the first of them as old as what is stored may be.
        moved = _bytes_of_disks(house) - begun
        asked = time.monotonic()
        looks.append((asked, moved))
        read = house.client.read_bytes(backup)
        at_most = _bytes_of_disks(house) - begun
        at_least = max((m for at, m in looks if at <= asked - DUE_SECONDS), default=0)
        seen.append(read)
        assert at_least - whole / 10 <= read <= at_most + whole / 10
    assert house.client.get(f"/jobSessions/{backup}")["status"] == "Success"
    assert len(set(seen)) > 10
    assert seen == sorted(seen)
    assert house.client.read_bytes(backup) >= whole


def _bytes_of_disks(house: House) -> int:
    """What the lab has sent of all disks and snapshots."""
    return house.control.operation("disks", "GetBlob")["bytesOut"]
