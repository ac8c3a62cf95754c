"""Nothing that was on a disk can be read anywhere outside Azure's own disks."""

from __future__ import annotations

import random
from pathlib import Path

import zstandard

from support.disk_contents import AT, MIB
from support.house import PASSWORD, REPOSITORY_PASSWORD, House

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


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_marker_on_a_disk_is_found_in_no_blob_no_log_and_no_database(house: House) -> None:
    machine = house.smallest_machine()
    noise = random.Random(31).randbytes(MIB // 2)
    secret = noise + MARKER + noise
    house.control.write_disk(machine.disk_ids[0], AT, secret)
    house.control.write_disk(machine.disk_ids[0], AT + 2 * MIB, (MARKER + b"\n") * 4096)
    house.back_up(machine)
    house.program.stop()

    blobs = house.blob_contents()
    assert any("/packs/" in name for name in blobs)
    assert not [name for name, data in blobs.items() if _holds_marker(data)]
    searched = [*_files(house.data), house.folder / "appliance.log"]
    assert len(searched) > 3
    assert not [path for path in searched if _holds_marker(path.read_bytes())]


def test_no_secret_is_in_a_log_or_in_the_clear_in_the_database(house: House) -> None:
    machine = house.smallest_machine()
    house.back_up(machine)
    house.program.stop()
    secrets = [
        house.lab.azure.client_secret.encode(),
        REPOSITORY_PASSWORD.encode(),
        PASSWORD.encode(),
    ]
    for path in [*_files(house.data), house.folder / "appliance.log"]:
        data = path.read_bytes()
        assert not [secret for secret in secrets if secret in data], path
        assert b"sig=" not in data, path
