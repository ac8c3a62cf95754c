"""The data mover as a process on the lab: bytes, accidents, stops."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from kyanite.base.errors import Cancelled, Denied, MoverLost
from kyanite.base.units import GIB, MIB
from kyanite.datamover.fence import Fence
from kyanite.datamover.launcher import LocalLauncher, MoverProcess
from kyanite.datamover.messages import Limit, Progress
from kyanite.engine.repack_rule import Price
from support.lab import running_lab
from support.mover_bench import Bench, new_bench

pytestmark = pytest.mark.control


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield new_bench(lab.azure)


@pytest.fixture(autouse=True)
def no_faults(bench: Bench) -> Iterator[None]:
    yield
    bench.control.clear_faults()


class WatchedLauncher(LocalLauncher):
    """Remembers the movers and the most memory they held."""

    def __init__(self) -> None:
        self.movers: list[MoverProcess] = []
        self.peak_bytes = 0

    def launch(self, fence: Fence) -> MoverProcess:
        mover = super().launch(fence)
        self.movers.append(mover)
        threading.Thread(target=self._watch, args=(mover.pid,), daemon=True).start()
        return mover

    def _watch(self, pid: int) -> None:
        try:
            process = psutil.Process(pid)
            while True:
                self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
                time.sleep(0.05)
        except psutil.Error:
            return


def pack_bytes(bench: Bench) -> int:
    """Bytes of all packs in the repository."""
    return sum(info.size_bytes for info in bench.repository.storage.list("packs/"))


def test_a_backup_and_an_increment_come_back_byte_for_byte(bench: Bench) -> None:
    disk = bench.new_disk()
    bench.fill(disk, 1)
    first, ticket = bench.snapshot(disk), bench.ticket()
    seen: list[Progress] = []
    outcome = bench.back_up(disk, first, ticket=ticket, on_progress=seen.append)
    assert outcome.kind == "Full"
    assert outcome.read_bytes < 2 * 18 * MIB
    assert seen[-1].processed_bytes == seen[-1].total_bytes == outcome.processed_bytes
    assert 18 * MIB <= outcome.processed_bytes < 2 * 18 * MIB
    assert seen == sorted(seen, key=lambda progress: progress.processed_bytes)

    bench.control.write_disk(disk, 300 * MIB, os.urandom(2 * MIB))
    bench.control.discard_disk(disk, 0, 64 * MIB)
    second, increment = bench.snapshot(disk), bench.ticket(parent=ticket.session_id)
    before = bench.control.operation("disks", "GetBlob")["bytesOut"]
    outcome = bench.back_up(disk, second, ticket=increment, previous_id=first)
    assert (outcome.kind, outcome.read_in_full) == ("Incremental", ())
    assert outcome.read_bytes <= 1.2 * 2 * MIB
    after = bench.control.operation("disks", "GetBlob")["bytesOut"]
    assert after - before <= 1.2 * 2 * MIB + MIB

    for session_id, snapshot in ((ticket.session_id, first), (increment.session_id, second)):
        seen.clear()
        restored, restore = bench.restore(session_id, disk, on_progress=seen.append)
        assert bench.differs(snapshot, restored) == []
        assert seen[-1].processed_bytes == seen[-1].total_bytes == restore.written_bytes


def test_an_accident_of_every_kind_is_overcome(bench: Bench) -> None:
    disk = bench.new_disk()
    bench.fill(disk, 2)
    snapshot, ticket = bench.snapshot(disk), bench.ticket()
    for fault in (
        {"method": "GET", "path": "/md-", "skip": 2, "times": 2, "drop": True},
        {"method": "GET", "path": "/md-", "skip": 5, "times": 2, "status": 503},
        {"method": "PUT", "path": "packs/", "times": 1, "status": 429, "retryAfter": 1},
        {"method": "PUT", "path": "packs/", "skip": 1, "times": 1, "drop": True},
        {"method": "PUT", "path": "points/", "times": 1, "drop": True},
    ):
        bench.control.add_fault(**fault)
    bench.back_up(disk, snapshot, ticket=ticket)
    bench.control.clear_faults()
    for fault in (
        {"method": "PUT", "path": "/md-", "skip": 1, "times": 2, "status": 503},
        {"method": "PUT", "path": "/md-", "skip": 2, "times": 1, "drop": True},
        {"method": "GET", "path": "packs/", "skip": 1, "times": 1, "drop": True},
    ):
        bench.control.add_fault(**fault)
    restored, _ = bench.restore(ticket.session_id, disk)
    assert bench.differs(snapshot, restored) == []


def test_a_restore_goes_on_although_its_packs_were_moved_after_the_order(bench: Bench) -> None:
    disk = bench.new_disk()
    bench.fill(disk, 7, pieces=2)
    first, ticket = bench.snapshot(disk), bench.ticket()
    bench.back_up(disk, first, ticket=ticket)
    bench.fill(disk, 7, pieces=1)  # the same bytes, in fewer places
    bench.control.discard_disk(disk, 0, GIB)
    bench.fill(disk, 7, pieces=1)
    second, next_one = bench.snapshot(disk), bench.ticket(parent=ticket.session_id)
    bench.back_up(disk, second, ticket=next_one, previous_id=first)
    bench.repository.delete_points([ticket.session_id])
    old = {info.name for info in bench.repository.storage.list(f"packs/{ticket.session_id}/")}

    def move_and_clean() -> None:
        moved = bench.repository.repack(Price(gib_month=1000.0, most_live=0.99))
        assert moved.moved_packs
        bench.repository.clean(whole=True)

    bench.needs.clear()
    restored, _ = bench.restore(next_one.session_id, disk, meanwhile=move_and_clean)
    assert [need.kind for need in bench.needs] == ["keys"]
    assert not old & {info.name for info in bench.repository.storage.list("packs/")}
    assert bench.differs(second, restored) == []


def test_accesses_that_expire_in_the_middle_are_renewed(bench: Bench) -> None:
    disk = bench.new_disk()
    bench.fill(disk, 3)
    snapshot, ticket = bench.snapshot(disk), bench.ticket()
    moved = threading.Event()

    def on_progress(progress: Progress) -> None:
        if progress.processed_bytes > 2 * MIB and not moved.is_set():
            moved.set()
            bench.control.advance(2 * 3600)

    def limit() -> Limit:
        return Limit() if moved.is_set() else Limit(4 * MIB)

    bench.needs.clear()
    bench.back_up(disk, snapshot, ticket=ticket, on_progress=on_progress, limit=limit)
    assert moved.is_set()
    assert {need.kind for need in bench.needs} == {"source", "storage"}
    restored, _ = bench.restore(ticket.session_id, disk)
    assert bench.differs(snapshot, restored) == []


@pytest.mark.measured
def test_a_stop_in_the_middle_of_a_copy_is_final_within_two_seconds(bench: Bench) -> None:
    disk = bench.new_disk()
    bench.fill(disk, 4)
    snapshot, ticket = bench.snapshot(disk), bench.ticket()
    launcher, stopped_at = WatchedLauncher(), [0.0]
    copied = threading.Event()

    def check() -> None:
        if copied.is_set():
            stopped_at[0] = stopped_at[0] or time.monotonic()
            raise Cancelled("stop")

    def on_progress(progress: Progress) -> None:
        if progress.read_bytes > MIB:
            copied.set()

    with pytest.raises(Cancelled):
        bench.back_up(
            disk,
            snapshot,
            ticket=ticket,
            launcher=launcher,
            check=check,
            on_progress=on_progress,
            limit=lambda: Limit(2 * MIB),
        )
    # The bench takes back the access to the snapshot as well before it returns.
    assert time.monotonic() - stopped_at[0] < 4
    assert not psutil.pid_exists(launcher.movers[0].pid)


def test_a_killed_mover_is_repeated_without_storing_anything_twice(bench: Bench) -> None:
    disk = bench.new_disk()
    bench.fill(disk, 5, pieces=14, length=5 * MIB)
    snapshot, ticket = bench.snapshot(disk), bench.ticket()
    launcher = WatchedLauncher()

    def on_progress(progress: Progress) -> None:
        if progress.stored_bytes > 0:
            os.kill(launcher.movers[0].pid, signal.SIGKILL)

    stored_before = pack_bytes(bench)
    with pytest.raises(MoverLost):
        bench.back_up(
            disk,
            snapshot,
            ticket=ticket,
            launcher=launcher,
            on_progress=on_progress,
            limit=lambda: Limit(40 * MIB),
        )
    after_kill = pack_bytes(bench) - stored_before
    assert after_kill > 0
    outcome = bench.back_up(disk, snapshot, ticket=ticket)
    assert not outcome.committed_before
    assert outcome.transferred_bytes < outcome.stored_bytes
    assert pack_bytes(bench) - stored_before < 72 * MIB
    again = bench.back_up(disk, snapshot, ticket=ticket)
    assert again.committed_before
    restored, _ = bench.restore(ticket.session_id, disk)
    assert bench.differs(snapshot, restored) == []


def test_differences_that_azure_cannot_tell_are_replaced_by_a_full_read(bench: Bench) -> None:
    disk, other = bench.new_disk(), bench.new_disk()
    bench.fill(disk, 6)
    bench.fill(other, 7)
    first, ticket = bench.snapshot(disk), bench.ticket()
    bench.back_up(disk, first, ticket=ticket)
    foreign, second = bench.snapshot(other), bench.snapshot(disk)
    increment = bench.ticket(parent=ticket.session_id)
    outcome = bench.back_up(disk, second, ticket=increment, previous_id=foreign)
    assert [disk_id for disk_id, _ in outcome.read_in_full] == [disk.lower()]
    restored, _ = bench.restore(increment.session_id, disk)
    assert bench.differs(second, restored) == []


def test_an_access_that_cannot_be_renewed_ends_the_backup_with_the_reason(bench: Bench) -> None:
    disk = bench.new_disk()
    bench.fill(disk, 8, pieces=2)
    snapshot, ticket = bench.snapshot(disk), bench.ticket()
    bench.control.add_fault(
        method="GET", path="/md-", times=None, status=403, code="AuthenticationFailed"
    )
    with pytest.raises(Denied, match="AuthenticationFailed"):
        bench.back_up(disk, snapshot, ticket=ticket)


@pytest.mark.slow
@pytest.mark.measured
def test_a_large_sparse_disk_fits_into_the_memory_of_a_mover(bench: Bench) -> None:
    disk = bench.new_disk(64 * GIB)
    for index in range(32):
        data = os.urandom(8 * MIB) + (b"compressible " * MIB)[: 24 * MIB]
        for part in range(2):
            bench.control.write_disk(disk, index * GIB + part * 100 * MIB, data)
    snapshot, ticket = bench.snapshot(disk), bench.ticket()
    launcher = WatchedLauncher()
    bench.back_up(disk, snapshot, ticket=ticket, launcher=launcher)
    assert launcher.peak_bytes < 350 * MIB
    launcher.peak_bytes = 0
    bench.restore(ticket.session_id, disk, launcher=launcher)
    assert launcher.peak_bytes < 350 * MIB
