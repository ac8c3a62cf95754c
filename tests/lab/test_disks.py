"""Disks of the lab: made, uploaded to, changed, deleted, and what survives a kill."""

from __future__ import annotations

import http.client
import random
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.compute.models import DiskUpdate

from azlab.services.disks.footer import make_footer
from support.compute_bench import ComputeBench, compute_bench
from support.lab import Control, LabProcess, running_lab

MIB = 1 << 20
GIB = 1 << 30
SIZE_BYTES = 32 * MIB


def _footer(bench: ComputeBench, disk: str) -> bytes:
    found = bench.compute.disks.get(bench.group, disk)
    assert found.time_created is not None
    return make_footer(int(found.disk_size_bytes or 0), str(found.unique_id), found.time_created)


def test_an_upload_goes_through_its_states_and_keeps_every_byte(bench: ComputeBench) -> None:
    rng = random.Random(5)
    bench.upload_disk("restored", SIZE_BYTES, tags={"a": "b"}, sku={"name": "Premium_LRS"})
    assert bench.disk_state("restored") == "ReadyToUpload"
    url = bench.write_url("restored")
    assert bench.disk_state("restored") == "ActiveUpload"
    blob = bench.blob(url)
    model = bytearray(SIZE_BYTES)
    for _ in range(30):
        length = rng.randrange(1, 4 * MIB // 512) * 512
        offset = rng.randrange((SIZE_BYTES - length) // 512) * 512
        if rng.random() < 0.7:
            data = rng.randbytes(length)
            blob.upload_page(data, offset=offset, length=length)
            model[offset : offset + length] = data
        else:
            blob.clear_page(offset=offset, length=length)
            model[offset : offset + length] = bytes(length)
    footer = _footer(bench, "restored")
    blob.upload_page(footer, offset=SIZE_BYTES, length=512)
    assert blob.download_blob(offset=0, length=SIZE_BYTES).readall() == model
    assert blob.download_blob(offset=SIZE_BYTES, length=512).readall() == footer
    bench.compute.disks.begin_revoke_access(bench.group, "restored").result()
    disk = bench.compute.disks.get(bench.group, "restored")
    assert disk.disk_state == "Unattached"
    assert disk.disk_size_bytes == SIZE_BYTES
    assert disk.tags == {"a": "b"}
    bench.snapshot("check", str(disk.id))
    read = bench.blob(bench.read_url("check"))
    assert read.download_blob(offset=0, length=SIZE_BYTES).readall() == model


def test_an_upload_without_a_footer_is_refused_and_can_start_again(bench: ComputeBench) -> None:
    bench.upload_disk("torn", SIZE_BYTES)
    blob = bench.blob(bench.write_url("torn"))
    blob.upload_page(b"x" * 512, offset=0, length=512)
    with pytest.raises(HttpResponseError) as caught:
        bench.compute.disks.begin_revoke_access(bench.group, "torn").result()
    assert caught.value.error is not None
    assert caught.value.error.code == "InvalidVhd"
    assert bench.disk_state("torn") == "ReadyToUpload"
    with pytest.raises(HttpResponseError) as caught:
        blob.upload_page(b"x" * 512, offset=0, length=512)
    assert caught.value.status_code == 403
    blob = bench.blob(bench.write_url("torn"))
    blob.upload_page(_footer(bench, "torn"), offset=SIZE_BYTES, length=512)
    bench.compute.disks.begin_revoke_access(bench.group, "torn").result()
    assert bench.disk_state("torn") == "Unattached"
    with pytest.raises(HttpResponseError) as caught:
        bench.write_url("torn")
    assert caught.value.status_code == 409


def test_page_writes_are_checked(bench: ComputeBench) -> None:
    bench.upload_disk("strict", SIZE_BYTES)
    url = bench.write_url("strict")

    def put(
        content_range: str, body: bytes, page_write: str = "update", **headers: str
    ) -> tuple[int, str]:
        answer = requests.put(
            f"{url}&comp=page",
            data=body,
            headers={
                "x-ms-version": "2026-10-06",
                "x-ms-page-write": page_write,
                "x-ms-range": content_range,
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            verify=bench.azure.ca or True,
            timeout=60,
        )
        return answer.status_code, answer.headers.get("x-ms-error-code", "")

    assert put("bytes=0-511", bytes(512)) == (201, "")
    assert put("bytes=1-512", bytes(512)) == (416, "InvalidPageRange")
    assert put("bytes=0-1023", bytes(512)) == (400, "InvalidHeaderValue")
    assert put(f"bytes=0-{4 * MIB + 511}", bytes(4 * MIB + 512))[0] == 413
    past_the_footer = f"bytes={SIZE_BYTES + 512}-{SIZE_BYTES + 1023}"
    assert put(past_the_footer, bytes(512)) == (416, "InvalidPageRange")
    assert put("bytes=0-511", bytes(512), Content_MD5="AAAA") == (400, "Md5Mismatch")
    assert put("bytes=0-511", b"", "clear") == (201, "")
    assert put("bytes=0-511", bytes(512), "append") == (400, "InvalidHeaderValue")
    assert put("bytes=0-511", bytes(512), x_ms_lease_id="1") == (400, "UnsupportedHeader")
    assert put("bytes=0-511", bytes(512), x_ms_version="1999-01-01")[0] == 400


@pytest.mark.control
def test_a_sas_to_read_cannot_write(bench: ComputeBench, control: Control) -> None:
    disk = bench.disk("disk")
    control.write_disk(str(disk.id), 0, b"safe")
    bench.snapshot("snap", str(disk.id))
    with pytest.raises(HttpResponseError) as caught:
        bench.blob(bench.read_url("snap")).upload_page(b"x" * 512, offset=0, length=512)
    assert caught.value.status_code == 403
    assert control.read_disk(str(disk.id), 0, 4) == b"safe"


@pytest.mark.parametrize(
    ("creation", "code"),
    [
        ({"createOption": "Upload", "uploadSizeBytes": 32 * MIB}, "InvalidParameter"),
        ({"createOption": "Upload", "uploadSizeBytes": 10 * MIB + 512}, "InvalidParameter"),
        ({"createOption": "Upload"}, "InvalidParameter"),
        ({"createOption": "Import", "sourceUri": "https://x"}, "NotImplemented"),
        ({"createOption": "Restore", "sourceResourceId": "/x"}, "NotImplemented"),
        ({"createOption": "Magic"}, "InvalidParameter"),
        ({"createOption": "Copy"}, "InvalidParameter"),
        ({}, "InvalidParameter"),
    ],
)
def test_disks_that_cannot_be_made_are_refused(
    bench: ComputeBench, creation: dict[str, object], code: str
) -> None:
    path = bench.id_of("Compute", "disks", "no") + "?api-version=2026-03-02"
    body = {"location": "westeurope", "properties": {"creationData": creation}}
    answer = bench.azure.call("PUT", path, body)
    assert answer.status_code in (400, 501), answer.text
    assert answer.json()["error"]["code"] == code
    assert bench.azure.call("GET", path).status_code == 404


def test_an_unknown_member_or_version_is_refused_aloud(bench: ComputeBench) -> None:
    path = bench.id_of("Compute", "disks", "no")
    body = {
        "location": "westeurope",
        "properties": {"diskSizeGB": 4, "diskColour": "red", "creationData": {}},
    }
    answer = bench.azure.call("PUT", f"{path}?api-version=2026-03-02", body)
    assert answer.status_code == 400
    assert "diskColour" in answer.text
    answer = bench.azure.call("GET", f"{path}?api-version=1999-01-01")
    assert answer.status_code == 400
    body = {
        "location": "westeurope",
        "zones": ["7"],
        "properties": {"diskSizeGB": 4, "creationData": {"createOption": "Empty"}},
    }
    answer = bench.azure.call("PUT", f"{path}?api-version=2026-03-02", body)
    assert answer.json()["error"]["code"] == "AvailabilityZoneNotSupported"


def test_a_disk_can_grow_be_tagged_and_deleted(bench: ComputeBench) -> None:
    bench.disk("disk", size_gib=4)
    patch = {"tags": {"x": "y"}, "sku": {"name": "Premium_LRS"}, "properties": {"diskSizeGB": 64}}
    disk = bench.compute.disks.begin_update(bench.group, "disk", DiskUpdate(patch)).result()
    assert (disk.disk_size_gb, disk.disk_size_bytes, disk.tier) == (64, 64 * GIB, "P6")
    assert disk.tags == {"x": "y"}
    smaller = DiskUpdate({"properties": {"diskSizeGB": 8}})
    with pytest.raises(HttpResponseError):
        bench.compute.disks.begin_update(bench.group, "disk", smaller)
    assert "disk" in [one.name for one in bench.compute.disks.list()]
    bench.compute.disks.begin_delete(bench.group, "disk").result()
    with pytest.raises(ResourceNotFoundError):
        bench.compute.disks.get(bench.group, "disk")
    bench.compute.disks.begin_delete(bench.group, "disk").result()


@pytest.mark.control
def test_guests_write_and_discard_anywhere_even_between_sectors(
    bench: ComputeBench, control: Control
) -> None:
    rng = random.Random(9)
    disk_id = str(bench.disk("disk").id)
    model = bytearray(1 * MIB)
    for _ in range(60):
        length = rng.randrange(0, 5000)
        offset = rng.randrange(len(model) - length)
        if rng.random() < 0.6:
            data = rng.randbytes(length)
            control.write_disk(disk_id, offset, data)
            model[offset : offset + length] = data
        else:
            control.discard_disk(disk_id, offset, length)
            model[offset : offset + length] = bytes(length)
    assert control.read_disk(disk_id, 0, len(model)) == model
    past = requests.put(
        f"{control.url}/disk-bytes",
        params={"disk": disk_id, "offset": str(4 * GIB - 1)},
        data=b"xy",
        timeout=30,
    )
    assert past.status_code == 416


@pytest.mark.control
def test_answered_writes_and_snapshots_survive_a_kill_of_the_lab(tmp_path: Path) -> None:
    lab = LabProcess(tmp_path / "lab")
    try:
        with compute_bench(lab.azure) as bench:
            disk_id = str(bench.disk("disk").id)
            written = _write_until_killed(lab, disk_id)
            bench_again = ComputeBench(lab.start(), bench.group)
            bench.azure = lab.azure
            for number in range(written):
                found = lab.control.read_disk(disk_id, number * 4096, 4096)
                assert found == number.to_bytes(4, "big") * 1024
            snapshot = bench_again.snapshot("after", disk_id)
            assert snapshot.provisioning_state == "Succeeded"
            assert bench_again.disk_state("disk") == "Unattached"
    finally:
        lab.kill()


def _write_until_killed(lab: LabProcess, disk_id: str) -> int:
    """Write one page after the other; the number that was answered before the kill."""
    answered = 0
    enough = threading.Event()

    def kill() -> None:
        enough.wait(30)
        lab.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    session = requests.Session()
    try:
        while True:
            session.put(
                f"{lab.azure.control}/disk-bytes",
                params={"disk": disk_id, "offset": str(answered * 4096)},
                data=answered.to_bytes(4, "big") * 1024,
                timeout=10,
            ).raise_for_status()
            answered += 1
            if answered == 100:
                enough.set()
    except requests.ConnectionError:
        killer.join()
    return answered


@pytest.mark.control
@pytest.mark.slow
def test_a_gibibyte_costs_the_lab_little_processor_time(tmp_path: Path) -> None:
    """Processor time, since elapsed time depends on what else this machine does.

    400 MB/s from one client leave 2.6 s for a GiB; half of it is for the client.
    """
    with running_lab(tmp_path / "lab") as lab, compute_bench(lab.azure) as bench:
        size = 1 * GIB
        bench.upload_disk("fast", size)
        client = _RangeClient(bench, bench.write_url("fast"))
        block = random.Random(1).randbytes(4 * MIB)
        process = psutil.Process(lab.pid)
        for _ in range(2):  # the first time, the host has to find memory and room on its disk
            before = sum(process.cpu_times()[:2])
            for offset in range(0, size, len(block)):
                client.write(offset, block)
            writing = sum(process.cpu_times()[:2]) - before
        before = sum(process.cpu_times()[:2])
        for offset in range(0, size, 16 * MIB):
            assert client.read(offset, 16 * MIB)[:512] == block[:512]
        reading = sum(process.cpu_times()[:2]) - before
    print(f"processor seconds of the lab for a GiB: {writing:.2f} to write, {reading:.2f} to read")
    assert writing < 2.0
    assert reading < 1.3


class _RangeClient:
    """The fastest client that the standard library has."""

    def __init__(self, bench: ComputeBench, url: str) -> None:
        parts = urlsplit(url)
        context = ssl.create_default_context(cafile=bench.azure.ca)
        self._connection = http.client.HTTPSConnection(parts.netloc, context=context)
        self._target = f"{parts.path}?{parts.query}"

    def write(self, offset: int, data: bytes) -> None:
        headers = {
            "x-ms-version": "2026-10-06",
            "x-ms-page-write": "update",
            "x-ms-range": f"bytes={offset}-{offset + len(data) - 1}",
        }
        self._connection.request("PUT", f"{self._target}&comp=page", data, headers)
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 201

    def read(self, offset: int, length: int) -> bytearray:
        headers = {"x-ms-range": f"bytes={offset}-{offset + length - 1}"}
        self._connection.request("GET", self._target, headers=headers)
        answer = self._connection.getresponse()
        buffer = bytearray(length)
        view = memoryview(buffer)
        while view:
            view = view[answer.readinto(view) :]
        return buffer
