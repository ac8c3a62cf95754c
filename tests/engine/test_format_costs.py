"""The table of costs in docs/format: its formulas against what the engine asks of a storage."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

import format_costs
from format_costs import Cost, Scale
from kyanite.base.clock import ManualClock
from kyanite.base.units import KIB
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.memory_versions import VersionedMemoryStorage
from support.engine import CHEAP, PASSWORD, TINY, back_up_disk

READS = ("get", "get_range", "list", "size", "versions")
MACHINES, POINTS = 3, 5
FULL_BYTES, CHANGE_BYTES = 1024 * KIB, 256 * KIB
SCALE = Scale(
    stored_bytes=2.0 * MACHINES * FULL_BYTES,
    machines=MACHINES,
    points=POINTS,
    chunk_bytes=TINY.cut_bytes,
    pack_bytes=TINY.pack_bytes,
    span_bytes=TINY.page_span_bytes,
)


class Filled:
    """A small repository with machines and points as the formulas have them, but for one."""

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.storage = CountingStorage(VersionedMemoryStorage(self.clock))
        self.repository = Repository.create(self.storage, PASSWORD, TINY, self.clock, CHEAP)
        self.chooser = random.Random(5)
        self.disks = [bytearray(self.chooser.randbytes(FULL_BYTES)) for _ in range(MACHINES)]
        self.last = [self._back_up(machine, None) for machine in range(MACHINES)]
        for _ in range(POINTS - 2):
            self.last = [self.increment(machine) for machine in range(MACHINES)]
        self.last[1:] = [self.increment(machine) for machine in range(1, MACHINES)]
        self.repository.tidy_index()
        self.forget()

    def increment(self, machine: int) -> str:
        at = self.chooser.randrange(4) * CHANGE_BYTES
        self.disks[machine][at : at + CHANGE_BYTES] = self.chooser.randbytes(CHANGE_BYTES)
        changes = RangeList([ByteRange(at, CHANGE_BYTES)])
        return self._back_up(machine, self.last[machine], changes)

    def _back_up(self, machine: int, parent: str | None, changes: RangeList | None = None) -> str:
        result = back_up_disk(
            self.repository,
            self.disks[machine],
            machine=f"machine {machine}",
            parent=parent,
            changes=changes,
        )
        return result.point.session_id

    def forget(self) -> None:
        self.storage.requests.clear()
        self.storage.bytes_moved.clear()

    def check(self, cost: Cost, tolerance: float) -> None:
        """What was asked of the storage is what the formula says, give or take a share."""
        requests, moved = self.storage.requests, self.storage.bytes_moved
        measured = {
            "reads": sum(requests[one] for one in READS),
            "read_bytes": sum(moved[one] for one in READS),
            "writes": requests["put"] + requests["lock_until"],
            "write_bytes": moved["put"],
        }
        for name, value in measured.items():
            expected = getattr(cost, name)
            assert expected / tolerance <= value <= expected * tolerance, (name, value, expected)


@pytest.fixture(scope="module")
def filled() -> Filled:
    return Filled()


def test_opening_costs_what_the_table_says(filled: Filled) -> None:
    filled.forget()
    repository = Repository.open(filled.storage, PASSWORD)
    repository.tidy_index()  # lists the index
    assert sum(filled.storage.requests[one] for one in READS) <= format_costs.open_cost(SCALE).reads


def test_an_increment_costs_what_the_table_says(filled: Filled) -> None:
    filled.forget()
    filled.last[0] = filled.increment(0)
    filled.check(format_costs.write_cost(SCALE), 1.5)


def test_marking_all_points_costs_what_the_table_says() -> None:
    filled = Filled()
    filled.repository.plan_cleaning()
    unlocked = filled.storage.requests["versions"]  # only where versions are kept
    filled.storage.requests["versions"] = 0
    assert unlocked == 1
    filled.check(format_costs.mark_cost(SCALE), 1.5)


def test_marking_the_points_of_a_day_costs_what_the_table_says() -> None:
    filled = Filled()
    rules = CleaningRules(ledger_from_points=1, small_packs=0)
    filled.repository.clean(rules=rules)
    filled.last = [filled.increment(machine) for machine in range(MACHINES)]
    filled.forget()
    filled.repository.plan_cleaning(rules=rules)
    filled.storage.requests["versions"] = 0
    filled.check(format_costs.new_mark_cost(SCALE), 1.5)


def test_locking_costs_what_the_table_says() -> None:
    filled = Filled()
    filled.repository.lock(filled.clock.now() + timedelta(days=40))
    filled.clock.advance(timedelta(days=format_costs.LOCK_STEP_DAYS))
    filled.forget()
    report = filled.repository.lock(filled.clock.now() + timedelta(days=40))
    assert report.drift == ()
    filled.check(format_costs.lock_cost(SCALE), 1.5)
    filled.forget()
    filled.repository.lock(filled.clock.now() + timedelta(days=40))
    assert filled.storage.requests["lock_until"] == 0  # nothing more until the next step


def test_rebuilding_the_index_costs_what_the_table_says(filled: Filled) -> None:
    filled.forget()
    report = filled.repository.rebuild_index()
    assert SCALE.packs / 1.2 <= report.packs <= SCALE.packs * 1.5
    assert SCALE.chunks / 1.2 <= report.records <= SCALE.chunks * 1.2
    cost = format_costs.rebuild_cost(SCALE)
    reads = sum(filled.storage.requests[one] for one in READS)
    assert cost.reads / 1.5 <= reads <= cost.reads * 1.5


def test_the_index_is_as_long_as_the_formula_says(filled: Filled) -> None:
    size = sum(info.size_bytes for info in filled.storage.list("index/"))
    expected = sum(format_costs.segment_bytes(*one)[0] for one in format_costs.tiers(SCALE))
    assert expected / 1.3 <= size <= expected * 1.3


def test_a_big_segment_is_as_long_as_the_formula_says() -> None:
    from bench.synthetic_index import SyntheticSegment

    segment = SyntheticSegment(1, 30_000_000, 280_000, b"k" * 32, b"r" * 16)
    size, objects = format_costs.segment_bytes(segment.records, segment.packs)
    assert objects == len(segment.sizes())
    assert size == pytest.approx(sum(segment.sizes().values()), rel=0.001)


def test_the_document_is_up_to_date() -> None:
    assert format_costs.DOCUMENT.read_text() == format_costs.document()
