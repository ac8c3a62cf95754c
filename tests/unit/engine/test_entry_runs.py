"""Runs of zeros and of data in the list of a disk."""

from __future__ import annotations

import pytest

from kyanite.engine.entry_runs import data_runs, in_parts, zero_runs
from kyanite.engine.pages import Entry
from kyanite.engine.ranges import ByteRange

ID = b"c" * 32
# At 100: 10 of data in two chunks, 20 of zeros in two runs, 5 of data.
LIST = [Entry(4, ID), Entry(6, ID), Entry(15, None), Entry(5, None), Entry(5, ID)]


@pytest.mark.parametrize(
    ("within", "zeros", "data"),
    [
        ((100, 35), [(110, 20)], [(100, 10), (130, 5)]),
        ((0, 1000), [(0, 100), (110, 20)], [(100, 10), (130, 5)]),
        ((105, 10), [(110, 5)], [(105, 5)]),
        ((126, 2), [(126, 2)], []),
        ((40, 20), [(40, 20)], []),
        ((200, 10), [], []),
        ((135, 0), [], []),
    ],
)
def test_runs_are_found_within_a_range(
    within: tuple[int, int], zeros: list[tuple[int, int]], data: list[tuple[int, int]]
) -> None:
    limits = ByteRange(*within)
    assert [(run.offset, run.length) for run in zero_runs(100, LIST, limits)] == zeros
    assert [(run.offset, run.length) for run in data_runs(100, LIST, limits)] == data


def test_parts_say_where_they_begin_and_leave_nothing_out() -> None:
    parts = list(in_parts(100, LIST, 2))
    assert parts == [(100, LIST[:2]), (110, LIST[2:4]), (130, LIST[4:])]
