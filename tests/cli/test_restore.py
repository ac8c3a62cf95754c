"""``kyanite repo restore``: raw and VHD, points, disks and ranges, resumed, and what goes wrong."""

from __future__ import annotations

import json
import os
import random
import struct
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from kyanite.base.errors import Conflict, KyaniteError
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB, MIB
from kyanite.cli.repo.dynamic_vhd import DynamicVhdTarget
from kyanite.cli.repo.image_target import ImageTarget
from kyanite.cli.repo.restore import command as restore_command
from kyanite.cli.repo.restored_disk import DiskRestore, file_names
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.point import PointDisk
from kyanite.engine.ranges import ByteRange
from kyanite.engine.repository import Repository
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import FaultyStorage
from kyanite.engine.storage.folder import FolderStorage
from support.engine import CHEAP, ONE_THREAD, PASSWORD, MemoryDisk, tiny_repository

SIZE = 700 * KIB + 512


def _contents(seed: int = 1) -> bytes:
    contents = bytearray(SIZE)
    contents[40 * KIB : 400 * KIB] = random.Random(seed).randbytes(360 * KIB)
    contents[500 * KIB : 600 * KIB] = b"words and words " * (100 * KIB // 16)
    return bytes(contents)


class House:
    """A repository in a folder, with one point of two disks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = FolderStorage(folder / "repository")
        self.repository = tiny_repository(self.storage)
        self.disks = {"system": _contents(1), "data": _contents(2)}
        ticket = self.repository.open_session(new_id(), "machine", "monday")
        self.point = back_up(
            self.storage,
            self.repository.backup_keys(ticket),
            ticket,
            [
                DiskInput(name, name, len(data), MemoryDisk(data))
                for name, data in self.disks.items()
            ],
            b"recipe",
            parallelism=ONE_THREAD,
        ).point

    def restore(
        self, storage: FolderStorage | CountingStorage | FaultyStorage | None = None
    ) -> DiskRestore:
        repository = Repository.open_with_master(
            storage or self.storage, self.repository.master_key
        )
        return DiskRestore(repository, self.point, ONE_THREAD, "raw", False, False, False)

    @property
    def whole(self) -> ByteRange:
        return ByteRange(0, SIZE)

    @property
    def system(self) -> PointDisk:
        disk = self.point.disk("system")
        assert disk is not None
        return disk

    def cli(self, *words: str | Path, status: int = 0) -> str:
        """Run the command in this process; what it prints."""
        runner = CliRunner(env={"KYANITE_REPOSITORY_PASSWORD": PASSWORD})
        address = (self.folder / "repository").as_uri()
        done = runner.invoke(restore_command, [address, *map(str, words)], standalone_mode=True)
        if isinstance(done.exception, KyaniteError):
            assert status == 1, done.exception
            return str(done.exception)
        assert done.exit_code == status, (done.output, done.exception)
        return done.output


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_whole_point_is_a_folder_of_images_with_holes_where_the_disk_has_zeros(
    house: House,
) -> None:
    out = house.folder / "out"
    said = json.loads(house.cli("monday", out, "--all", "--json"))
    assert [disk["file"] for disk in said["disks"]] == ["system.img", "data.img"]
    for name, contents in house.disks.items():
        image = out / f"{name}.img"
        assert image.read_bytes() == contents
        assert os.stat(image).st_blocks * 512 < len(contents)
    assert sorted(path.name for path in house.folder.iterdir()) == ["out", "repository"]
    assert sorted(path.name for path in out.iterdir()) == ["data.img", "system.img"]


def test_an_index_is_read_once_where_a_cache_is_named(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KYANITE_CACHE", str(tmp_path / "cache"))
    house.cli("monday", tmp_path / "one", "--disk", "system")
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.name == house.repository.repository_id.hex()
    assert len(list(folder.iterdir())) == len(list(house.storage.list("index/")))
    for path in folder.iterdir():  # whatever stands there, it is only a cache
        path.write_bytes(b"something else")
    house.cli("monday", tmp_path / "two", "--disk", "system")
    assert (tmp_path / "two").read_bytes() == house.disks["system"]


def test_a_disk_becomes_a_fixed_vhd_that_says_its_size(house: House) -> None:
    out = house.folder / "system.vhd"
    house.cli("monday", out, "--disk", "system", "--format", "vhd")
    data = out.read_bytes()
    assert data[:SIZE] == house.disks["system"]
    footer = data[-512:]
    assert len(data) == SIZE + 512
    assert footer[:8] == b"conectix"
    assert struct.unpack_from(">Q", footer, 48) == (SIZE,)
    assert struct.unpack_from(">I", footer, 60) == (2,)
    assert footer[28:32] == b"win "  # else programs take the rounded geometry for the size
    (check,) = struct.unpack_from(">I", footer, 64)
    assert check == ~sum(footer[:64] + footer[68:]) & 0xFFFF_FFFF


def read_dynamic_vhd(image: bytes) -> bytes:
    """By the specification: footer, header, table, and in front of each block a bitmap."""

    def checked(data: bytes, at: int) -> bytes:
        (check,) = struct.unpack_from(">I", data, at)
        assert check == ~sum(data[:at] + data[at + 4 :]) & 0xFFFF_FFFF
        return data

    footer = checked(image[-512:], 64)
    assert image[:512] == footer
    assert footer[:8] == b"conectix"
    (header_at,) = struct.unpack_from(">Q", footer, 16)
    (size,) = struct.unpack_from(">Q", footer, 48)
    assert struct.unpack_from(">I", footer, 60) == (3,)
    header = checked(image[header_at : header_at + 1024], 36)
    assert header[:8] == b"cxsparse"
    table_at, _, count, block_bytes = struct.unpack_from(">QIII", header, 16)
    assert count * block_bytes >= size
    bitmap_bytes = -(-block_bytes // 512 // 8 // 512) * 512
    contents = bytearray(count * block_bytes)
    for number, sector in enumerate(struct.unpack_from(f">{count}I", image, table_at)):
        if sector == 0xFFFF_FFFF:
            continue
        at = sector * 512
        assert at >= table_at + 4 * count
        for nth in range(block_bytes // 512):
            if image[at + nth // 8] & 0x80 >> nth % 8:
                data = image[at + bitmap_bytes + nth * 512 :][:512]
                place = number * block_bytes + nth * 512
                contents[place : place + 512] = data
    return bytes(contents[:size])


def test_a_disk_becomes_a_dynamic_vhd_without_its_holes(house: House) -> None:
    out = house.folder / "system.vhd"
    house.cli("monday", out, "--disk", "system", "--format", "vhd-dynamic")
    assert read_dynamic_vhd(out.read_bytes()) == house.disks["system"]
    assert "exists" in house.cli(
        "monday", out, "--format", "vhd-dynamic", "--disk", "data", status=1
    )
    part = house.folder / "part.vhd"
    house.cli(
        "monday", part, "--disk", "system", "--range", "4096:100000", "--format", "vhd-dynamic"
    )
    read = read_dynamic_vhd(part.read_bytes())
    assert read[:100_000] == house.disks["system"][4096 : 4096 + 100_000]
    assert len(read) == 100_352  # whole sectors


def test_a_dynamic_vhd_is_as_small_as_what_is_in_it(tmp_path: Path) -> None:
    path, size = tmp_path / "disk.vhd", 1 << 40
    made = datetime(2026, 1, 1, tzinfo=UTC)
    target = DynamicVhdTarget(path, ByteRange(0, size), uuid.UUID(int=1), made)
    target.write(size - 4096, b"e" * 4096)
    target.write_all((2 << 20) - 3, [b"over", b" the border"])
    target.finish()
    assert path.stat().st_size < 9 << 20  # three blocks and the table
    with pytest.raises(Conflict):
        DynamicVhdTarget(tmp_path / "huge.vhd", ByteRange(0, 3 << 40), uuid.UUID(int=1), made)
    again = DynamicVhdTarget(tmp_path / "other.vhd", ByteRange(0, 4096), uuid.UUID(int=1), made)
    assert again.keep() == ""
    assert [one.name for one in tmp_path.iterdir()] == ["disk.vhd"]


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 10), (41 * KIB + 3, 100 * KIB), (390 * KIB, SIZE - 390 * KIB)]
)
def test_a_range_is_exactly_these_bytes_and_little_else_is_read(
    house: House, offset: int, length: int
) -> None:
    out = house.folder / "part"
    said = json.loads(
        house.cli("monday", out, "--disk", "system", "--range", f"{offset}:{length}", "--json")
    )
    assert out.read_bytes() == house.disks["system"][offset : offset + length]
    assert said["disks"][0]["readBytes"] <= length + 16 * KIB


def interrupt(house: House, out: Path) -> int:
    """Let the storage go away near the end of a restore; what a whole one reads."""
    calm = CountingStorage(house.storage)
    house.restore(calm).run(house.system, house.folder / "other", house.whole)
    reads = calm.requests["get_range"]
    broken = FaultyStorage(house.storage, reads - 2, operations={"get_range"})
    with pytest.raises(Conflict, match=r"out\.partial; the same command goes on"):
        house.restore(broken).run(house.system, out, house.whole)
    return calm.bytes_moved["get_range"]


def test_an_interrupted_restore_goes_on_and_does_not_fetch_again_what_is_there(
    house: House,
) -> None:
    out = house.folder / "out"
    in_all = interrupt(house, out)
    assert not out.exists()

    counting = CountingStorage(house.storage)
    outcome = house.restore(counting).run(house.system, out, house.whole)
    assert out.read_bytes() == house.disks["system"]
    assert outcome.resumed_bytes > 100 * KIB
    assert outcome.read_bytes < 200 * KIB
    assert counting.bytes_moved["get_range"] < in_all - 100 * KIB
    assert sorted(p.name for p in house.folder.iterdir()) == ["other", "out", "repository"]


def test_a_restore_of_all_disks_goes_on_with_the_disk_it_ended_in(house: House) -> None:
    out = house.folder / "out"
    folder = house.folder / "out.partial"
    folder.mkdir()
    (folder / ".restore").write_text(f"{house.point.session_id} raw")
    house.restore().run(house.system, folder / "system.img", house.whole)
    said = json.loads(house.cli("monday", out, "--all", "--json"))
    assert said["disks"][0]["readBytes"] == 0
    for name, contents in house.disks.items():
        assert (out / f"{name}.img").read_bytes() == contents


def test_what_another_restore_left_is_not_touched(house: House) -> None:
    out = house.folder / "out"
    interrupt(house, out)
    kept = (house.folder / "out.partial").read_bytes()
    with pytest.raises(Conflict, match="another restore"):
        house.restore().run(house.system, out, ByteRange(0, 4096))
    assert (house.folder / "out.partial").read_bytes() == kept
    (house.folder / "out.partial.json").unlink()
    with pytest.raises(Conflict, match="nothing says what is in it"):
        house.restore().run(house.system, out, house.whole)
    assert (house.folder / "out.partial").read_bytes() == kept


def test_two_restores_into_one_file_are_one_too_many(house: House) -> None:
    target = ImageTarget(house.folder / "out", house.whole, {"a": 1})
    with pytest.raises(Conflict, match="Another restore"):
        ImageTarget(house.folder / "out", house.whole, {"a": 1})
    target.keep()
    assert list(house.folder.glob("out*")) == []


def test_a_file_that_comes_into_being_meanwhile_is_not_replaced(house: House) -> None:
    target = ImageTarget(house.folder / "out", house.whole, {})
    target.write(0, b"restored")
    (house.folder / "out").write_bytes(b"precious")
    with pytest.raises(Conflict, match="meanwhile"):
        target.finish()
    assert (house.folder / "out").read_bytes() == b"precious"
    assert (house.folder / "out.partial").read_bytes()[:8] == b"restored"


def test_space_is_set_aside_only_where_data_will_be(house: House) -> None:
    target = ImageTarget(house.folder / "out", ByteRange(MIB, 64 * MIB), {})
    target.expect(17 * MIB, 8 * MIB)
    assert 8 * MIB <= os.fstat(target.fileno()).st_blocks * 512 < 9 * MIB
    target.write(17 * MIB, b"x" * 8 * MIB)
    os.fsync(target.fileno())
    assert os.fstat(target.fileno()).st_blocks * 512 < 9 * MIB
    target.finish()
    restored = (house.folder / "out").read_bytes()
    assert restored == bytes(16 * MIB) + b"x" * 8 * MIB + bytes(40 * MIB)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_sentence_and_what_is_there_is_kept(
    house: House, tmp_path: Path
) -> None:
    target = ImageTarget(tmp_path / "out", house.whole, {})
    target.write(0, b"x" * 4096)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, target.fileno())
    os.close(full)
    with pytest.raises(Conflict, match=r"no room for .*out.*Make room and run the same command"):
        target.write(4096, b"y" * 4096)


def test_bad_use_is_one_sentence_and_changes_nothing(house: House) -> None:
    out = house.folder / "out"
    out.write_bytes(b"precious")
    assert "exists already" in house.cli("monday", out, "--disk", "data", status=1)
    assert "exists already" in house.cli("monday", out, "--all", status=1)
    assert out.read_bytes() == b"precious"
    new = house.folder / "new"
    assert "--disk" in house.cli("monday", new, status=1)
    assert "no point" in house.cli("sunday", new, "--all", status=1)
    house.cli("monday", new, "--disk", "data", "--range", "1:2:3", status=2)
    house.cli("monday", new, "--disk", "data", "--range", "5:0", status=2)
    said = house.cli("monday", new, "--disk", "data", "--range", "700K:1M", status=2)
    assert str(SIZE) in said
    house.cli("monday", new, "--all", "--disk", "data", status=2)
    assert not list(house.folder.glob("new*"))


def test_a_storage_that_says_no_is_one_sentence_and_leaves_no_file(house: House) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is denied to root")
    packs = house.folder / "repository" / "packs"
    packs.chmod(0)
    try:
        assert "packs" in house.cli("monday", house.folder / "new", "--all", status=1)
    finally:
        packs.chmod(0o700)


def test_damage_ends_a_restore_unless_holes_are_asked_for_and_then_they_are_named(
    house: House,
) -> None:
    (first, *_) = sorted(house.storage.list(f"packs/{house.point.session_id}/"), key=str)
    path = house.folder / "repository" / first.name
    data = bytearray(path.read_bytes())
    data[64 + 100] ^= 1
    path.write_bytes(data)
    assert "damaged" in house.cli("monday", house.folder / "a", "--disk", "system", status=1)
    said = json.loads(
        house.cli("monday", house.folder / "b", "--disk", "system", "--holes", "--json")
    )
    (lost,) = said["disks"][0]["lost"]
    start, end = lost["offset"], lost["offset"] + lost["length"]
    expected = bytearray(house.disks["system"])
    expected[start:end] = bytes(end - start)
    assert (house.folder / "b").read_bytes() == expected
    assert lost["length"] <= 64 * KIB


def test_names_of_disks_cannot_leave_the_folder() -> None:
    disks = [
        PointDisk("1", "../../etc/passwd", 0, 4096, 1, (), {}),
        PointDisk("2", "a/b", 0, 4096, 1, (), {}),
        PointDisk("3", "A_b", 0, 4096, 1, (), {}),
        PointDisk("4", "...", 0, 4096, 1, (), {}),
    ]
    names = [name for _, name in file_names(disks, "raw")]
    assert names == ["etc_passwd.img", "a_b.img", "A_b-2.img", "disk.img"]


def test_a_whole_disk_takes_at_most_two_reads_per_pack(tmp_path: Path) -> None:
    storage = CountingStorage(FolderStorage(tmp_path / "repository"))
    settings = RepositorySettings()
    repository = Repository.create(storage, PASSWORD, settings, cost=CHEAP)
    contents = bytearray(random.Random(3).randbytes(100 * MIB))
    contents[30 * MIB : 50 * MIB] = bytes(20 * MIB)
    ticket = repository.open_session(new_id(), "m", "l")
    disk = DiskInput("d", "d", len(contents), MemoryDisk(contents))
    keys = repository.backup_keys(ticket)
    point = back_up(storage, keys, ticket, [disk], b"").point
    packs = len(list(storage.list("packs/")))
    storage.requests.clear()
    target = tmp_path / "out"
    DiskRestore(repository, point, Parallelism.local(), "raw", False, False, False).run(
        point.disks[0], target, ByteRange(0, len(contents))
    )
    assert target.read_bytes() == contents
    pages = 1 + point.disks[0].span_count
    assert storage.requests["get_range"] <= 2 * packs + pages
