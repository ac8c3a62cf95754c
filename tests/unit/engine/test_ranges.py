"""Range lists: in order, without overlaps, whatever they are made from."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyanite.base.errors import Invalid
from kyanite.engine.ranges import ByteRange, RangeList

RANGES = st.lists(
    st.builds(ByteRange, st.integers(0, 60), st.integers(0, 20), st.booleans()), max_size=12
)


def _as_bytes(ranges: list[ByteRange]) -> str:
    """What each byte is: ``d`` data, ``z`` zero, ``.`` not in the list; data wins."""
    kinds = ["."] * 80
    for zero in (True, False):
        for r in ranges:
            if r.zero is zero:
                kinds[r.offset : r.end] = ["z" if zero else "d"] * r.length
    return "".join(kinds)


@given(RANGES)
def test_a_list_says_the_same_as_what_it_was_made_from(ranges: list[ByteRange]) -> None:
    found = list(RangeList(ranges))
    assert _as_bytes(found) == _as_bytes(ranges)
    for before, after in itertools.pairwise(found):
        assert before.end <= after.offset
        assert before.end < after.offset or before.zero != after.zero
    assert all(r.length > 0 for r in found)


@given(RANGES, RANGES)
def test_a_union_is_both(first: list[ByteRange], second: list[ByteRange]) -> None:
    assert RangeList(first).union(RangeList(second)) == RangeList(first + second)


@given(RANGES, st.integers(0, 80))
def test_clipping_forgets_what_is_behind(ranges: list[ByteRange], size: int) -> None:
    clipped = _as_bytes(list(RangeList(ranges).clip(size)))
    assert clipped == _as_bytes(ranges)[:size] + "." * (80 - size)


@given(RANGES, st.integers(0, 70), st.integers(1, 10))
def test_covered_means_every_byte(ranges: list[ByteRange], offset: int, length: int) -> None:
    wanted = "." not in _as_bytes(ranges)[offset : offset + length]
    assert RangeList(ranges).covers(offset, length) is wanted


@given(RANGES)
def test_json_goes_both_ways(ranges: list[ByteRange]) -> None:
    size, again = RangeList.from_json(RangeList(ranges).to_json(80))
    assert (size, again) == (80, RangeList(ranges))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"size": -1, "ranges": []},
        {"size": True, "ranges": []},
        {"size": 10, "ranges": {}},
        {"size": 10, "ranges": [{"offset": 0}]},
        {"size": 10, "ranges": [{"offset": 5, "length": 6, "zero": False}]},
        {"size": 10, "ranges": [{"offset": 5, "length": 1, "zero": 1}]},
        {"size": 10, "ranges": [3]},
    ],
)
def test_nonsense_is_refused_with_a_sentence(document: object) -> None:
    with pytest.raises(Invalid, match=r"\w+ .*\."):
        RangeList.from_json(document)  # type: ignore[arg-type]
