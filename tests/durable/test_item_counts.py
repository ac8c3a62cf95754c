"""When the counts of an item are stored."""

from __future__ import annotations

import pytest

from kyanite.durable.item import is_due
from kyanite.durable.results import Bytes

STORED = Bytes(total=1000, read=500, processed=500, transferred=100)


@pytest.mark.parametrize(
    ("moved", "waited_seconds", "due"),
    [
        (STORED, 60.0, False),
        (Bytes(1000, 501, 501, 100), 0.1, False),
        (Bytes(1000, 501, 501, 100), 1.0, True),
        (Bytes(1000, 525, 500, 100), 0.0, False),
        (Bytes(1000, 526, 500, 100), 0.0, True),
        (Bytes(1000, 500, 526, 100), 0.0, True),
        (Bytes(1000, 500, 500, 126), 0.0, True),
    ],
)
def test_counts_are_stored_after_a_fortieth_of_the_item_or_a_second(
    moved: Bytes, waited_seconds: float, due: bool
) -> None:
    assert is_due(moved, STORED, waited_seconds) is due
