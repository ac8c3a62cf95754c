"""Rolling verification: everything within N days, what was read longest ago first."""

from __future__ import annotations

import random
from datetime import date, timedelta

from kyanite.engine.format import new_pack_id
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.verify_schedule import Rolling, due, sample

DAY = date(2026, 11, 1)


def _packs(count: int, size: int = 10) -> list[tuple[PackRef, int]]:
    return [(PackRef(bytes(16), new_pack_id(ordinal)), size) for ordinal in range(count)]


def test_run_every_day_it_reads_an_equal_share_and_everything_within_the_days() -> None:
    packs = _packs(100)
    read_on: dict[PackNumber, date] = {}
    for passed in range(70):
        today = DAY + timedelta(days=passed)
        chosen = due(packs, read_on, Rolling(20, today))
        assert len(chosen) == 5
        read_on.update({pack.number: today for pack in chosen})
        if passed >= 19:
            assert len(read_on) == 100
            assert min(read_on.values()) > today - timedelta(days=20)


def test_run_again_on_the_same_day_it_reads_nothing_twice() -> None:
    packs = _packs(40)
    first = due(packs, {}, Rolling(4, DAY))
    read_on = {pack.number: DAY for pack in first}
    assert due(packs, read_on, Rolling(4, DAY)) == []


def test_days_without_a_run_are_made_up_for() -> None:
    packs = _packs(40)
    read_on = {pack.number: DAY for pack, _ in packs[:10]}
    chosen = due(packs, read_on, Rolling(4, DAY + timedelta(days=2)))
    assert [pack for pack, _ in packs[10:30]] == sorted(chosen, key=lambda one: one.name)
    everything = due(packs, read_on, Rolling(4, DAY + timedelta(days=9)))
    assert len(everything) == 40


def test_new_packs_do_not_keep_old_ones_from_being_read_in_time() -> None:
    packs = _packs(10)
    read_on = {pack.number: DAY for pack, _ in packs}
    packs += [(PackRef(b"n" * 16, new_pack_id(n)), 10) for n in range(1000)]
    packs += [(PackRef(b"y" * 16, new_pack_id(0)), 10)]
    read_on[packs[-1][0].number] = DAY + timedelta(days=4)  # it ran yesterday
    chosen = due(packs, read_on, Rolling(5, DAY + timedelta(days=5)))
    assert len(chosen) < 300
    assert {pack for pack, _ in packs[:10]} <= set(chosen)


def test_a_sample_is_one_in_twenty_and_at_least_one() -> None:
    assert sample([], random.Random(1)) == []
    assert len(sample(_packs(3), random.Random(1))) == 1
    assert len(sample(_packs(200), random.Random(1))) == 10
