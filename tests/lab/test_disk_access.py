"""Access to snapshots by SAS: granted once, ended by revoking or by time, limited in number."""

from __future__ import annotations

import pytest
import requests
from azure.core.exceptions import HttpResponseError

from support.compute_bench import ComputeBench
from support.lab import Control


def _status(bench: ComputeBench, url: str) -> int:
    """What reading the first sector answers."""
    headers = {"x-ms-version": "2026-10-06", "x-ms-range": "bytes=0-511"}
    return requests.get(url, headers=headers, verify=bench.azure.ca or True, timeout=60).status_code


def test_access_is_exclusive_and_ends_when_it_is_revoked(bench: ComputeBench) -> None:
    disk = bench.disk("disk")
    bench.snapshot("snap", str(disk.id))
    url = bench.read_url("snap")
    assert bench.compute.snapshots.get(bench.group, "snap").disk_state == "ActiveSAS"
    with pytest.raises(HttpResponseError) as caught:
        bench.read_url("snap")
    assert caught.value.status_code == 409
    with pytest.raises(HttpResponseError) as caught:
        bench.compute.snapshots.begin_delete(bench.group, "snap").result()
    assert caught.value.status_code == 409
    assert _status(bench, url.replace("sig=", "sig=A")) == 403
    assert _status(bench, url.split("&sig=")[0]) == 403
    assert _status(bench, url) == 206
    bench.compute.snapshots.begin_revoke_access(bench.group, "snap").result()
    assert _status(bench, url) == 403
    assert bench.compute.snapshots.get(bench.group, "snap").disk_state == "Unattached"
    assert bench.read_url("snap") != url


@pytest.mark.control
def test_a_sas_ends_with_its_time_on_the_clock_of_the_lab(
    bench: ComputeBench, control: Control
) -> None:
    disk = bench.disk("disk")
    bench.snapshot("snap", str(disk.id))
    url = bench.read_url("snap", seconds=600)
    control.advance(599 - 60)
    assert _status(bench, url) == 206
    control.advance(62)
    assert _status(bench, url) == 403
    assert _status(bench, bench.read_url("snap")) == 206


@pytest.mark.control
def test_seven_incremental_snapshots_in_five_minutes_are_the_limit(
    bench: ComputeBench, control: Control
) -> None:
    disk = bench.disk("disk")
    for number in range(7):
        bench.snapshot(f"snap-{number}", str(disk.id))
    with pytest.raises(HttpResponseError) as caught:
        bench.snapshot("snap-7", str(disk.id))
    assert caught.value.status_code == 409
    control.advance(301)
    bench.snapshot("snap-7", str(disk.id))
    for number in range(5):
        bench.read_url(f"snap-{number}")
    with pytest.raises(HttpResponseError) as caught:
        bench.read_url("snap-5")
    assert caught.value.status_code == 409
