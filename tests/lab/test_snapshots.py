"""Snapshots of the lab: read, listed and compared as a backup does it."""

from __future__ import annotations

import base64
import hashlib
import random
import xml.etree.ElementTree as ElementTree

import pytest
import requests
from azure.core.exceptions import HttpResponseError

from support.compute_bench import ComputeBench
from support.lab import Control

GIB = 1 << 30
SIZE_BYTES = 4 * GIB
SECTOR = 512


def _get(
    bench: ComputeBench, url: str, headers: dict[str, str], query: str = ""
) -> requests.Response:
    return requests.get(
        url + query,
        headers={"x-ms-version": "2026-10-06", **headers},
        verify=bench.azure.ca or True,
        timeout=60,
    )


def _ranges(answer: requests.Response) -> tuple[list[tuple[int, int, bool]], str]:
    assert answer.status_code == 200, answer.text
    root = ElementTree.fromstring(answer.content)
    found = [
        (
            int(one.findtext("Start") or 0),
            int(one.findtext("End") or 0) + 1,
            one.tag == "ClearRange",
        )
        for one in root
        if one.tag in ("PageRange", "ClearRange")
    ]
    return found, root.findtext("NextMarker") or ""


class _Model:
    """What a disk holds, and what changed since the last snapshot, sector by sector."""

    def __init__(self) -> None:
        self.bytes: dict[int, bytes] = {}
        self.changed: dict[int, bool] = {}

    def write(self, offset: int, data: bytes) -> None:
        for start in range(0, len(data), SECTOR):
            sector = (offset + start) // SECTOR
            self.bytes[sector] = data[start : start + SECTOR]
            self.changed[sector] = False

    def discard(self, offset: int, length: int) -> None:
        for sector in range(offset // SECTOR, (offset + length) // SECTOR):
            self.bytes.pop(sector, None)
            self.changed[sector] = True


def _scribble(rng: random.Random, control: Control, disk_id: str, model: _Model) -> None:
    hot = [rng.randrange(SIZE_BYTES // SECTOR - 64) for _ in range(3)]
    for _ in range(25):
        sector = rng.choice(hot) + rng.randrange(32)
        length = rng.randrange(1, 32) * SECTOR
        if rng.random() < 0.65:
            data = rng.randbytes(length)
            control.write_disk(disk_id, sector * SECTOR, data)
            model.write(sector * SECTOR, data)
        else:
            control.discard_disk(disk_id, sector * SECTOR, length)
            model.discard(sector * SECTOR, length)


def _as_sectors(ranges: list[tuple[int, int, bool]]) -> dict[int, bool]:
    found: dict[int, bool] = {}
    last = -1
    for start, end, cleared in ranges:
        assert start >= last
        assert (start % SECTOR, end % SECTOR) == (0, 0)
        last = end
        for sector in range(start // SECTOR, end // SECTOR):
            found[sector] = cleared
    return found


@pytest.mark.control
def test_random_writes_and_discards_come_back_as_exact_differences(
    bench: ComputeBench, control: Control
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    disk = bench.disk("disk")
    model = _Model()
    steps: list[dict[int, bool]] = []
    contents: list[dict[int, bytes]] = []
    for number in range(4):
        _scribble(rng, control, str(disk.id), model)
        bench.snapshot(f"snap-{number}", str(disk.id))
        steps.append(model.changed)
        contents.append(dict(model.bytes))
        model.changed = {}
    urls = [bench.read_url(f"snap-{number}") for number in range(4)]
    for older in range(4):
        for newer in range(older, 4):
            expected: dict[int, bool] = {}
            for step in steps[older + 1 : newer + 1]:
                expected |= step
            answer = _get(
                bench,
                urls[newer],
                {"x-ms-previous-snapshot-url": urls[older]},
                "&comp=pagelist",
            )
            ranges, marker = _ranges(answer)
            assert marker == ""
            assert _as_sectors(ranges) == expected
    for number, content in enumerate(contents):
        ranges, _ = _ranges(_get(bench, urls[number], {}, "&comp=pagelist"))
        assert ranges[-1] == (SIZE_BYTES, SIZE_BYTES + SECTOR, False), "the VHD footer is a page"
        assert set(_as_sectors(ranges[:-1])) == set(content)
        for sector in rng.sample(sorted(content), min(20, len(content))):
            start = sector * SECTOR
            answer = _get(bench, urls[number], {"x-ms-range": f"bytes={start}-{start + 511}"})
            assert answer.status_code == 206
            assert answer.content == content[sector]


@pytest.mark.control
def test_the_storage_sdk_reads_a_snapshot_and_its_differences(
    bench: ComputeBench, control: Control
) -> None:
    disk = bench.disk("disk")
    control.write_disk(str(disk.id), 1 << 20, b"a" * 8192)
    bench.snapshot("first", str(disk.id))
    control.write_disk(str(disk.id), 2 << 20, b"b" * 4096)
    control.discard_disk(str(disk.id), 1 << 20, 4096)
    bench.snapshot("second", str(disk.id))
    first, second = bench.read_url("first"), bench.read_url("second")
    blob = bench.blob(second)
    properties = blob.get_blob_properties()
    assert properties.size == SIZE_BYTES + SECTOR
    assert str(properties.blob_type.value) == "PageBlob"
    data, cleared = blob.get_page_range_diff_for_managed_disk(previous_snapshot_url=first)
    assert data == [{"start": 2 << 20, "end": (2 << 20) + 4095}]
    assert cleared == [{"start": 1 << 20, "end": (1 << 20) + 4095}]
    part = blob.download_blob(offset=(1 << 20) + 2048, length=(1 << 20) + 4096).readall()
    assert part[:6144] == bytes(2048) + b"a" * 4096
    assert part.endswith(b"b" * 4096 + bytes(2048))
    footer = blob.download_blob(offset=SIZE_BYTES, length=SECTOR).readall()
    assert footer.startswith(b"conectix")


@pytest.mark.control
def test_differences_are_paged_with_markers_and_honour_a_window(
    bench: ComputeBench, control: Control
) -> None:
    disk = bench.disk("disk")
    bench.snapshot("first", str(disk.id))
    for number in range(25):
        control.write_disk(str(disk.id), number * 8192, b"x" * 512)
    bench.snapshot("second", str(disk.id))
    first, second = bench.read_url("first"), bench.read_url("second")
    headers = {"x-ms-previous-snapshot-url": first}
    expected = [(number * 8192, number * 8192 + 512, False) for number in range(25)]
    found: list[tuple[int, int, bool]] = []
    marker, pages = "", 0
    while True:
        query = f"&comp=pagelist&maxresults=10&marker={marker}"
        ranges, marker = _ranges(_get(bench, second, headers, query))
        assert len(ranges) <= 10
        found += ranges
        pages += 1
        if not marker:
            break
    assert found == expected
    assert pages == 3
    window = {**headers, "x-ms-range": f"bytes={8192 * 3}-{8192 * 5 - 1}"}
    ranges, _ = _ranges(_get(bench, second, window, "&comp=pagelist"))
    assert ranges == expected[3:5]
    refused = _get(bench, second, headers, "&comp=pagelist&maxresults=10001")
    assert refused.status_code == 400
    assert refused.headers["x-ms-error-code"] == "OutOfRangeQueryParameterValue"


@pytest.mark.control
def test_ranges_carry_a_hash_when_asked_and_none_beyond_four_mebibytes(
    bench: ComputeBench, control: Control
) -> None:
    disk = bench.disk("disk")
    control.write_disk(str(disk.id), 0, b"hash me " * 64)
    bench.snapshot("snap", str(disk.id))
    url = bench.read_url("snap")
    wanted = {"x-ms-range-get-content-md5": "true"}
    answer = _get(bench, url, {**wanted, "x-ms-range": "bytes=0-511"})
    digest = base64.b64encode(hashlib.md5(b"hash me " * 64).digest()).decode()
    assert answer.headers["Content-MD5"] == digest
    answer = _get(bench, url, {**wanted, "x-ms-range": f"bytes=0-{4 << 20}"})
    assert answer.status_code == 400
    answer = _get(bench, url, {"x-ms-range": f"bytes={SIZE_BYTES + 512}-"})
    assert answer.status_code == 416


def test_an_incremental_snapshot_shows_its_family_and_its_progress(bench: ComputeBench) -> None:
    disk = bench.disk("disk", osType="Linux", hyperVGeneration="V2")
    first = bench.snapshot("first", str(disk.id))
    second = bench.snapshot("second", str(disk.id))
    assert first.incremental
    assert first.completion_percent == 100
    assert first.incremental_snapshot_family_id == second.incremental_snapshot_family_id
    assert first.unique_id != second.unique_id
    assert first.time_created is not None
    assert second.time_created is not None
    assert first.time_created < second.time_created
    assert first.disk_size_bytes == SIZE_BYTES
    assert first.creation_data.source_unique_id == disk.unique_id
    assert first.sku is not None
    assert first.sku.name == "Standard_ZRS"
    assert first.os_type == "Linux"
    again = bench.snapshot("first", str(disk.id))
    assert again.unique_id == first.unique_id, "a repeated PUT finds the first snapshot"


def test_snapshots_of_other_disks_and_newer_ones_cannot_be_compared(bench: ComputeBench) -> None:
    left, right = bench.disk("left"), bench.disk("right")
    for name, disk in (("left-1", left), ("left-2", left), ("right-1", right)):
        bench.snapshot(name, str(disk.id))
    urls = {name: bench.read_url(name) for name in ("left-1", "left-2", "right-1")}

    def compare(newer: str, older: str) -> requests.Response:
        headers = {"x-ms-previous-snapshot-url": urls[older]}
        return _get(bench, urls[newer], headers, "&comp=pagelist")

    assert compare("left-2", "left-1").status_code == 200
    assert compare("left-1", "right-1").status_code == 409
    newer = compare("left-1", "left-2")
    assert newer.status_code == 400
    assert newer.headers["x-ms-error-code"] == "PreviousSnapshotCannotBeNewer"
    bench.compute.snapshots.begin_revoke_access(bench.group, "left-1").result()
    assert compare("left-2", "left-1").status_code == 403, "both SAS must be live"


@pytest.mark.control
def test_a_disk_made_from_a_snapshot_has_its_bytes_and_a_life_of_its_own(
    bench: ComputeBench, control: Control
) -> None:
    disk = bench.disk("disk", osType="Windows")
    control.write_disk(str(disk.id), 4096, b"original")
    snapshot = bench.snapshot("snap", str(disk.id), incremental=False)
    copy = bench.copy_disk("copy", str(snapshot.id))
    assert copy.os_type == "Windows"
    assert copy.disk_size_bytes == SIZE_BYTES
    control.write_disk(str(copy.id), 4096, b"changed!")
    assert control.read_disk(str(disk.id), 4096, 8) == b"original"
    assert control.read_disk(str(snapshot.id), 4096, 8) == b"original"
    bench.compute.snapshots.begin_delete(bench.group, "snap").result()
    bench.compute.disks.begin_delete(bench.group, "disk").result()
    assert control.read_disk(str(copy.id), 4090, 20) == bytes(6) + b"changed!" + bytes(6)


@pytest.mark.control
def test_a_snapshot_that_failed_is_taken_anew_by_the_next_attempt(
    bench: ComputeBench, control: Control
) -> None:
    disk = bench.disk("disk")
    control.write_disk(str(disk.id), 0, b"before")
    control.add_fault(method="PUT", path="/snapshots/snap$", times=1, failOperation="InternalError")
    with pytest.raises(HttpResponseError) as caught:
        bench.snapshot("snap", str(disk.id))
    assert caught.value.error is not None
    assert caught.value.error.code == "InternalError"
    found = bench.compute.snapshots.get(bench.group, "snap")
    assert found.provisioning_state == "Failed"
    with pytest.raises(HttpResponseError) as caught:
        bench.read_url("snap")
    assert caught.value.status_code == 409
    control.write_disk(str(disk.id), 0, b"after!")
    again = bench.snapshot("snap", str(disk.id))
    assert again.provisioning_state == "Succeeded"
    assert control.read_disk(str(again.id), 0, 6) == b"after!"
