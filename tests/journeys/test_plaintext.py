"""Nothing that was on a disk can be read anywhere outside Azure's own disks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from support.disk_contents import AT, MIB
from support.house import PASSWORD, REPOSITORY_PASSWORD, House, Machine, running_house
from support.waiting import eventually

MARKER = b"kyanite-plaintext-marker-7c1f0d5e"
FRAME_MAGIC = b"\x28\xb5\x2f\xfd"


def _holds_marker(data: bytes) -> bool:
    """In the bytes as they are, or in a zstd frame that can be found in them."""
    if MARKER in data:
        return True
    at = data.find(FRAME_MAGIC)
    while at >= 0:
        try:
            plain = zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])
        except zstandard.ZstdError:
            plain = b""
        if MARKER in plain:
            return True
        at = data.find(FRAME_MAGIC, at + 1)
    return False


@pytest.fixture(scope="module")
def house_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose programs have a folder of their own for temporary files."""
    folder = tmp_path_factory.mktemp("house")
    temporary = folder / "temporary"
    temporary.mkdir()
    with running_house(folder, TMPDIR=str(temporary)) as house:
        house.connect()
        yield house


def _left_by_the_appliance(house: House) -> list[Path]:
    """Database, logs, caches, temporary files: everything but the lab."""
    lab = house.folder / "lab"
    return [path for path in house.folder.rglob("*") if path.is_file() and lab not in path.parents]


def _protect_a_secret(house: House, seed: int) -> Machine:
    """The marker in an incompressible MiB, and again where it compresses well."""
    machine = house.smallest_machine()
    noise = random.Random(seed).randbytes(MIB // 2)
    house.control.write_disk(machine.disk_ids[0], AT, noise + MARKER + noise)
    house.control.write_disk(machine.disk_ids[0], AT + 2 * MIB, (MARKER + b"\n") * 4096)
    return machine


def test_a_marker_on_a_disk_is_found_in_no_blob_no_log_and_no_database(house: House) -> None:
    house.back_up(_protect_a_secret(house, 31))
    house.program.stop()

    blobs = house.blob_contents()
    assert any("/packs/" in name for name in blobs)
    assert not [name for name, data in blobs.items() if _holds_marker(data)]
    searched = _left_by_the_appliance(house)
    assert {"appliance.log", "kyanite.db"} <= {path.name for path in searched}
    assert not [path for path in searched if _holds_marker(path.read_bytes())]


def test_a_killed_data_mover_leaves_neither_its_order_nor_data_on_the_disk(house: House) -> None:
    machine = _protect_a_secret(house, 32)
    house.control.add_fault(method="PUT", path="/packs/", hold="before", times=1)
    snapshots, backup = house.run_policy(house.policy("killed", [machine]))
    eventually(
        lambda: any(fault.get("held") for fault in house.control.faults()),
        within_seconds=60,
        what=house.program.output,
    )
    house.program.kill_tree()
    for path in _left_by_the_appliance(house):
        data = path.read_bytes()
        assert not _holds_marker(data), path
        assert b"sig=" not in data, f"an address with its signature is in {path}"
    house.control.clear_faults()
    house.start()
    for session_id in (snapshots, backup):
        house.client.wait(session_id)


def test_no_secret_is_in_a_log_or_in_the_clear_in_the_database(house: House) -> None:
    machine = house.smallest_machine()
    house.back_up(machine)
    house.program.stop()
    secrets = [
        house.lab.azure.client_secret.encode(),
        REPOSITORY_PASSWORD.encode(),
        PASSWORD.encode(),
    ]
    for path in _left_by_the_appliance(house):
        data = path.read_bytes()
        assert not [secret for secret in secrets if secret in data], path
        assert b"sig=" not in data, path
