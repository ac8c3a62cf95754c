"""Planning what to read: a model of bytes decides whether the plan is right."""

from __future__ import annotations

import itertools
import random

import pytest

from kyanite.base.units import KIB
from kyanite.engine.cutting import CutRule
from kyanite.engine.disk_plan import ReadPlan, Region, patched, pieces, resized
from kyanite.engine.pages import Entry
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.span_list import SpanList


def _fixed(length: int) -> CutRule:
    return CutRule(length, 1, 1, 1)


def test_a_full_backup_touches_only_spans_with_data() -> None:
    plan = ReadPlan(100, RangeList([ByteRange(5, 3), ByteRange(42, 2)]), _fixed(4), only=True)
    assert list(plan.touched_spans(10)) == [0, 4]


def test_an_increment_also_touches_spans_that_became_zero() -> None:
    plan = ReadPlan(100, RangeList([ByteRange(5, 30, zero=True)]), _fixed(4), only=False)
    assert list(plan.touched_spans(10)) == [0, 1, 2, 3]


def test_a_long_range_is_in_every_span_once() -> None:
    plan = ReadPlan(95, RangeList([ByteRange(8, 4), ByteRange(13, 82)]), _fixed(4), only=True)
    assert list(plan.touched_spans(10)) == list(range(10))


def test_changes_are_widened_to_the_grid_and_to_whole_chunks() -> None:
    parent = [Entry(7, b"a" * 32), Entry(5, None), Entry(8, b"b" * 32)]
    plan = ReadPlan(20, RangeList([ByteRange(5, 1), ByteRange(9, 1)]), _fixed(2), only=False)
    assert plan.regions(SpanList(0, parent)) == [Region(0, 7), Region(8, 2)]
    plan = ReadPlan(20, RangeList([ByteRange(11, 2)]), _fixed(2), only=False)
    assert plan.regions(SpanList(0, parent)) == [Region(10, 10)]


def test_content_defined_regions_begin_where_a_chunk_may_have_ended_because_of_zeros() -> None:
    rule = CutRule(1, 2, 8, 4)
    parent = SpanList(0, [Entry(7, b"a" * 32), Entry(9, None), Entry(8, b"b" * 32)])
    near = ReadPlan(24, RangeList([ByteRange(10, 1)]), rule, only=False)
    assert near.regions(parent) == [Region(0, 11)], "the zeros before it became too short"
    far = ReadPlan(24, RangeList([ByteRange(11, 1)]), rule, only=False)
    assert far.regions(parent) == [Region(11, 1)]
    late = ReadPlan(24, RangeList([ByteRange(12, 1)]), rule, only=False)
    assert late.regions(parent) == [Region(12, 4)], "the zeros behind it are too short"


def test_near_regions_share_a_strand_and_far_ones_do_not() -> None:
    rule = CutRule(1, 2, 8, 4)
    regions = [Region(0, 5), Region(10, 5), Region(100, 5)]
    first, second, third = pieces(regions, 8, rule)
    assert first.strand is second.strand
    assert (first.near, second.near) == (True, False)
    assert (first.until, second.until, third.until) == (10, 100, None)
    assert third.strand is not first.strand
    assert (first.turn, second.turn, third.turn) == (0, 1, 0)


def test_known_zeros_are_not_read() -> None:
    far = 100 * KIB
    changes = RangeList([ByteRange(10, far, zero=True), ByteRange(2 * far, 5)])
    assert ReadPlan(4 * far, changes, _fixed(1), only=False).to_read(0, 3 * far) == [
        ByteRange(0, 10),
        ByteRange(far + 10, 2 * far - 10),
    ]
    assert ReadPlan(4 * far, changes, _fixed(1), only=True).to_read(0, 3 * far) == [
        ByteRange(2 * far, 5)
    ]


def test_near_ranges_are_read_at_once() -> None:
    allocated = RangeList([ByteRange(0, 5), ByteRange(50 * KIB, 5), ByteRange(200 * KIB, 5)])
    assert ReadPlan(300 * KIB, allocated, _fixed(1), only=True).to_read(0, 300 * KIB) == [
        ByteRange(0, 50 * KIB + 5),
        ByteRange(200 * KIB, 5),
    ]


def test_pieces_fill_a_region_and_the_last_one_is_marked() -> None:
    found = list(pieces([Region(10, 25)], 10, _fixed(1)))
    assert [(p.offset, p.length, p.final) for p in found] == [
        (10, 10, False),
        (20, 10, False),
        (30, 5, True),
    ]


@pytest.mark.parametrize("seed", range(200))
def test_patching_gives_the_list_of_the_patched_bytes(seed: int) -> None:
    chooser = random.Random(seed)
    start = chooser.randrange(3) * 100
    parent: list[Entry] = []
    while sum(e.length for e in parent) < 100:
        length = chooser.randrange(1, 20)
        named = chooser.random() < 0.6
        parent.append(Entry(length, chooser.randbytes(32) if named else None))
    size = sum(e.length for e in parent)
    changes = RangeList(
        ByteRange(start + chooser.randrange(size), chooser.randrange(1, 9)) for _ in range(4)
    ).clip(start + size)
    plan = ReadPlan(start + size, changes, _fixed(chooser.choice([1, 4])), only=False)
    regions = plan.regions(SpanList(start, parent))
    new = [
        (
            region,
            [Entry(1, None), Entry(region.length - 1, b"n" * 32)][: 2 if region.length > 1 else 1],
        )
        for region in regions
    ]
    expected = _map(parent)
    for region, entries in new:
        at = region.offset - start
        expected[at : at + region.length] = _map(entries)
    found = patched(parent, start, new)
    assert _map(found) == expected
    assert sum(e.length for e in found) == size
    assert all(a.chunk_id or b.chunk_id for a, b in itertools.pairwise(found)), "zeros side by side"
    for region in regions:
        assert changes.covers(region.offset, 1) or region.length > 1


def _map(entries: list[Entry]) -> list[bytes | None]:
    return [entry.chunk_id for entry in entries for _ in range(entry.length)]


def test_a_span_that_shrinks_loses_the_chunk_at_its_end_and_one_that_grows_gets_zeros() -> None:
    parent = [Entry(5, b"a" * 32), Entry(5, b"b" * 32)]
    assert resized(parent, 7) == [Entry(5, b"a" * 32), Entry(2, None)]
    assert resized(parent, 14) == [*parent, Entry(4, None)]
    assert resized([], 3) == [Entry(3, None)]
    assert resized(parent, 10) == parent
