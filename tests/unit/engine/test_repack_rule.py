"""Which packs are worth moving: the rule of waste and price, as a table."""

from __future__ import annotations

import pytest

from kyanite.base.units import GIB, MIB
from kyanite.engine.pack import PackNumber
from kyanite.engine.repack_rule import PackLoad, Price, choose, gain

PACK = 32 * MIB


def load(live_mib: int, ordinal: int = 0, size: int = PACK, locked: bool = False) -> PackLoad:
    return PackLoad(PackNumber(b"s" * 16, ordinal), size, live_mib * MIB, locked)


@pytest.mark.parametrize(
    ("live_mib", "price", "worth"),
    [
        (4, Price(), True),
        (19, Price(), True),
        (20, Price(), False),  # more than 60 % live
        (32, Price(), False),
        (0, Price(), False),  # cleaning deletes it whole
        (16, Price(months=0.0), False),  # nothing is kept long enough to pay
        (16, Price(gib_month=0.0), False),  # storage costs nothing, requests do
        (16, Price(gib_month=0.0, read=0.0, write=0.0), False),  # nothing to win either way
        (4, Price(read_gib=0.09), True),  # 28 MiB for six months against 4 MiB read
        (16, Price(read_gib=0.09, months=1.0), False),
        (16, Price(read_gib=0.09, months=12.0), True),
        (30, Price(most_live=1.0, months=120.0), True),
    ],
)
def test_a_pack_is_moved_if_what_it_wastes_costs_more_than_moving_it(
    live_mib: int, price: Price, worth: bool
) -> None:
    assert bool(choose([load(live_mib)], price, PACK, GIB)) is worth


def test_locked_packs_stay_where_they_are() -> None:
    assert choose([load(4, locked=True)], Price(), PACK, GIB) == []


def test_the_emptiest_come_first_and_the_budget_bounds_what_is_moved() -> None:
    loads = [load(8, 1), load(2, 2), load(16, 3), load(4, 4)]
    chosen = choose(loads, Price(), PACK, 14 * MIB)
    assert [one.number.ordinal for one in chosen] == [2, 4, 1]


def test_the_gain_is_what_is_saved_less_what_it_costs() -> None:
    price = Price(gib_month=1.0, read_gib=0.5, write_gib=0.25, read=0.0, write=0.0, months=2.0)
    half = PackLoad(PackNumber(b"s" * 16, 0), GIB, GIB // 2)
    assert gain(half, price, PACK) == pytest.approx(0.5 * 2 - 0.5 * 0.75)
