"""The wrappers of storages: each passes the suites, and does the one thing it is for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from engine.storage_suite import StorageSuite
from engine.versions_suite import VersionsSuite
from kyanite.base.errors import ObjectExists, StorageUnavailable
from kyanite.base.units import MIB
from kyanite.engine.storage.base import Storage, VersionedStorage, versions_of
from kyanite.engine.storage.cached import CachedStorage
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import FaultyStorage, Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.memory_versions import VersionedMemoryStorage
from kyanite.engine.storage.retrying import RetryingStorage
from kyanite.engine.storage.slow import Distance, SlowStorage
from kyanite.engine.storage.throttled import Bandwidth, ThrottledStorage
from kyanite.engine.storage.wrapper import ALL_CALLS, StorageWrapper

WRAPPERS: dict[str, Callable[[Storage], Storage]] = {
    "bare": StorageWrapper,
    "cached": CachedStorage,
    "counting": CountingStorage,
    "faulty": lambda inner: FaultyStorage(inner, 10**9),
    "frozen": lambda inner: FrozenStorage(inner, 10**9),
    "retrying": RetryingStorage,
    "slow": lambda inner: SlowStorage(inner, Distance(0.0, 1e9, 4e9)),
    "throttled": lambda inner: ThrottledStorage(inner, Bandwidth(1e9), Bandwidth(1e9)),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
class TestWrappers(StorageSuite, VersionsSuite):
    @pytest.fixture
    def below(self) -> VersionedMemoryStorage:
        return VersionedMemoryStorage()

    @pytest.fixture
    def overwrite(self, below: VersionedMemoryStorage) -> Callable[[str, bytes], None]:
        return below.overwrite

    @pytest.fixture
    def versioned(self, wrapper: str, below: VersionedMemoryStorage) -> VersionedStorage:
        wrapped = WRAPPERS[wrapper](below)
        assert isinstance(wrapped, VersionedStorage)
        return wrapped

    @pytest.fixture
    def storage(self, versioned: VersionedStorage) -> Storage:
        return versioned

    def test_around_a_plain_storage_there_are_no_versions(self, wrapper: str) -> None:
        assert versions_of(WRAPPERS[wrapper](MemoryStorage())) is None


class FakeTime:
    """A clock of seconds that a wait moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


def test_counting_tells_requests_and_bytes_by_operation() -> None:
    storage = CountingStorage(MemoryStorage())
    storage.put("a", b"12345")
    storage.get("a")
    storage.get_range("a", 0, 2)
    list(storage.list(""))
    assert storage.requests == {"put": 1, "get": 1, "get_range": 1, "list": 1}
    assert storage.bytes_moved["put"] == 5
    assert storage.bytes_moved["get"] == 5
    assert storage.bytes_moved["get_range"] == 2


def test_a_faulty_storage_fails_once_or_for_good() -> None:
    once = FaultyStorage(MemoryStorage(), 2, dead=False)
    once.put("a", b"a")
    with pytest.raises(StorageUnavailable):
        once.put("b", b"b")
    once.put("b", b"b")
    assert once.seen == 3
    dead = FaultyStorage(MemoryStorage(), 1)
    with pytest.raises(StorageUnavailable):
        dead.put("a", b"a")
    with pytest.raises(StorageUnavailable):
        list(dead.list(""))


def test_a_lost_answer_leaves_the_object() -> None:
    inner = MemoryStorage()
    with pytest.raises(StorageUnavailable):
        FaultyStorage(inner, 1, Moment.AFTER).put("a", b"a")
    assert inner.get("a") == b"a"


def test_reads_fail_where_they_are_counted_too() -> None:
    storage = FaultyStorage(MemoryStorage(), 2, operations=ALL_CALLS, dead=False)
    storage.put("a", b"a")
    with pytest.raises(StorageUnavailable):
        storage.get("a")
    assert storage.get("a") == b"a"


@pytest.mark.parametrize(("moment", "there"), [(Moment.BEFORE, False), (Moment.AFTER, True)])
def test_a_frozen_storage_stands_still_until_it_is_released(moment: Moment, there: bool) -> None:
    inner = MemoryStorage()
    storage = FrozenStorage(inner, 2, moment)
    storage.put("a", b"a")
    writer = threading.Thread(target=storage.put, args=("b", b"b"))
    writer.start()
    assert storage.wait_until_frozen()
    assert ("b" in [info.name for info in inner.list("")]) is there
    assert storage.get("a") == b"a"  # other calls pass
    storage.release()
    writer.join(60)
    assert inner.get("b") == b"b"


def test_a_frozen_storage_nobody_releases_says_so() -> None:
    storage = FrozenStorage(MemoryStorage(), 1, longest_seconds=0.0)
    with pytest.raises(StorageUnavailable):
        storage.put("a", b"a")


@pytest.mark.parametrize("moment", Moment)
def test_retries_hide_a_failure_of_the_moment(moment: Moment) -> None:
    waited: list[float] = []
    for fail_at in range(1, 4):
        storage = RetryingStorage(
            FaultyStorage(MemoryStorage(), fail_at, moment, dead=False, operations=ALL_CALLS),
            wait=waited.append,
        )
        storage.put("a", b"bytes")
        assert storage.get("a") == b"bytes"
        storage.delete("a")
        assert list(storage.list("")) == []
    assert waited


def test_a_put_that_was_applied_and_lost_is_not_mistaken_for_another_object() -> None:
    inner = MemoryStorage()
    inner.put("a", b"somebody else's")
    lost = FaultyStorage(inner, 1, Moment.BEFORE, dead=False)
    with pytest.raises(ObjectExists):
        RetryingStorage(lost, wait=FakeTime().wait).put("a", b"mine")
    assert inner.get("a") == b"somebody else's"


def test_retries_end() -> None:
    waited: list[float] = []
    storage = RetryingStorage(FaultyStorage(MemoryStorage(), 1), tries=4, wait=waited.append)
    with pytest.raises(StorageUnavailable):
        storage.put("a", b"a")
    assert len(waited) == 3
    assert waited == sorted(waited)


def test_a_slow_storage_takes_latency_and_both_bandwidths() -> None:
    time = FakeTime()
    storage = SlowStorage(MemoryStorage(), Distance(0.02, 60e6, 600e6), time.now, time.wait)
    storage.put("a", bytes(6_000_000))
    assert time.seconds == pytest.approx(100 + 0.02 + 0.1)
    storage.size("a")
    assert time.seconds == pytest.approx(100 + 0.02 + 0.1 + 0.02)
    assert storage.waited_seconds == pytest.approx(0.14)


def test_connections_share_the_line_of_a_slow_storage() -> None:
    time = FakeTime()
    storage = SlowStorage(MemoryStorage(), Distance(0.0, 0.0, 10e6), time.now, FakeTime().wait)
    for number in range(3):  # nobody waits: as three connections at the same moment
        storage.put(f"a{number}", bytes(5_000_000))
    assert storage.waited_seconds == pytest.approx(0.5 + 1.0 + 1.5)


def test_a_bandwidth_holds_over_time_and_lets_a_burst_begin() -> None:
    time = FakeTime()
    bandwidth = Bandwidth(10e6, time.now)
    bandwidth.take(5_000_000)  # begins at once, and is paid for by what follows
    time.wait(0.5)
    bandwidth.take(1)
    time.wait(3600)
    bandwidth.take(2_000_000)  # an idle hour gives no credit beyond a tenth of a second
    time.wait(0.1001)
    bandwidth.take(1)


def test_a_changed_bandwidth_counts_for_those_who_wait_already() -> None:
    bandwidth = Bandwidth(1.0)
    bandwidth.take(1_000_000)  # at this rate the next one waits for eleven days
    done = threading.Event()

    def take() -> None:
        bandwidth.take(1)
        done.set()

    threading.Thread(target=take, daemon=True).start()
    assert not done.is_set()
    bandwidth.change(None)
    assert done.wait(60)


def test_a_throttled_storage_pays_for_what_it_sends_and_receives() -> None:
    storage = ThrottledStorage(MemoryStorage(), Bandwidth(1e12), Bandwidth(1e12))
    storage.put("a", bytes(MIB))
    assert len(storage.get("a")) == MIB


def test_a_cache_serves_again_within_its_bounds() -> None:
    counted = CountingStorage(MemoryStorage())
    storage = CachedStorage(counted, limit_bytes=100)
    for name in ("a", "b"):
        counted.put(name, name.encode() * 60)
    for _ in range(3):
        assert storage.get("a") == b"a" * 60
        assert storage.get_range("a", 10, 5) == b"a" * 5  # out of the whole
    assert counted.requests["get"] == 1
    assert counted.requests["get_range"] == 0
    storage.get("b")  # pushes the first one out
    storage.get("a")
    assert counted.requests["get"] == 3
    counted.put("big", bytes(1000))
    storage.get("big")
    storage.get("a")
    assert counted.requests["get"] == 4
    assert (storage.hits, storage.misses) == (6, 4)


def test_locks_pass_through_every_wrapper() -> None:
    inner = VersionedMemoryStorage()
    storage = CountingStorage(RetryingStorage(inner))
    storage.put("a", b"a")
    until = datetime.now(UTC) + timedelta(days=1)
    storage.lock_until("a", until)
    assert inner.locked_until("a") == storage.locked_until("a") == until
    assert storage.requests["lock_until"] == 1
