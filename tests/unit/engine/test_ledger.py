"""Ledgers against the plainest model: which point needs which packs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyanite.base.errors import Damaged
from kyanite.engine.format import Kind, point_name
from kyanite.engine.json_bodies import to_json_bytes
from kyanite.engine.ledger import KnownPoint, MachineUse, decode_ledger, encode_ledger
from kyanite.engine.moves import Moves, decode_moves, encode_moves
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet, needs_from_json, needs_to_json
from kyanite.engine.pack_use import PackUse
from kyanite.engine.sealed_object import seal

SESSIONS = [bytes([n]) * 16 for n in range(4)]
NUMBERS = st.builds(PackNumber, st.sampled_from(SESSIONS), st.integers(0, 6))


def _packs(machine: MachineUse) -> dict[bytes, set[PackNumber]]:
    """What each point needs, read back out of the rows."""
    every = PackSet(PackNumber(owner, o) for owner in machine.owners for o in range(7))
    found: dict[bytes, set[PackNumber]] = {point.session_id: set() for point in machine.points}
    for number, points in machine.naming(every):
        for point in points:
            found[point.session_id].add(number)
    return found


@pytest.mark.parametrize("seed", range(30))
def test_points_come_and_go_and_every_one_keeps_its_packs(seed: int) -> None:
    chooser = random.Random(seed)
    machine = MachineUse.empty("machine")
    model: dict[bytes, set[PackNumber]] = {}
    for step in range(25):
        if model and chooser.random() < 0.35:
            gone = set(chooser.sample(sorted(model), chooser.randrange(1, len(model) + 1)))
            before = set().union(*model.values())
            model = {point: packs for point, packs in model.items() if point not in gone}
            machine, dropped = machine.without(gone)
            assert set(dropped) == before - set().union(*model.values(), set())
        else:
            new = []
            for extra in range(chooser.randrange(1, 3)):
                point = bytes([step, extra]) * 8
                model[point] = {
                    PackNumber(chooser.choice(SESSIONS), chooser.randrange(7))
                    for _ in range(chooser.randrange(6))
                }
                new.append((KnownPoint(point, step, 7), PackSet(model[point])))
            machine = machine.with_points(new)
        assert _packs(machine) == model
        age, (again,) = decode_ledger(encode_ledger([machine], step))
        assert age == step
        assert again.points == machine.points
        assert _packs(again) == model
        use = PackUse()
        use.add_machine(again)
        used = set().union(*model.values(), set())
        for owner in SESSIONS:
            for ordinal in range(7):
                number = PackNumber(owner, ordinal)
                assert (number in use) == (number in used)
        half = sorted(used)[::2]
        assert set(use.missing(half)) == used - set(half)
        assert len(use) == len(used)


@given(st.lists(NUMBERS))
def test_a_set_of_packs_goes_there_and_back(numbers: list[PackNumber]) -> None:
    packs = PackSet(numbers)
    assert PackSet.from_json(packs.to_json()) == packs
    assert set(packs) == set(numbers)


@given(st.dictionaries(NUMBERS, st.integers(1, 2**40)))
def test_needs_go_there_and_back(needs: dict[PackNumber, int]) -> None:
    assert needs_from_json(needs_to_json(needs)) == needs


@given(st.binary(max_size=300))
def test_bytes_that_are_no_ledger_are_damaged_and_nothing_else(rubbish: bytes) -> None:
    try:
        decode_ledger(rubbish)
    except Damaged:
        return


@pytest.mark.parametrize("value", [{"x": [1, 1]}, {"x": 7}, {"": []}])
def test_sets_that_make_no_sense_are_damaged(value: dict[str, list[int]]) -> None:
    with pytest.raises(Damaged):
        needs_from_json(value)
    with pytest.raises(Damaged):
        PackSet.from_json(value)


@pytest.mark.parametrize("flat", [[-1, 5], [0, 0], [0], [2**32, 1]])
def test_needs_that_make_no_sense_are_damaged(flat: list[int]) -> None:
    with pytest.raises(Damaged):
        needs_from_json({"00000000-0000-0000-0000-000000000001": flat})


@pytest.mark.parametrize("ordinal", ["-1", "4294967296", "x", "", "9" * 5000, "１"])
def test_moves_that_make_no_sense_are_damaged(ordinal: str) -> None:
    session_id = "00000000-0000-0000-0000-000000000001"
    body = to_json_bytes({"moved": {session_id: {ordinal: [0]}}, "walked": []})
    name = point_name(session_id)
    data = seal(Kind.MOVES, name, body, b"k" * 32, b"r" * 16)
    with pytest.raises(Damaged):
        decode_moves(session_id, data, b"k" * 32, b"r" * 16)


def test_moves_go_there_and_back() -> None:
    session_id = "00000000-0000-0000-0000-000000000001"
    own = bytes(15) + b"\1"
    moved = {PackNumber(SESSIONS[1], 9): (PackNumber(own, 0), PackNumber(own, 3))}
    moves = Moves(session_id, moved, frozenset(["a", "b"]))
    data = encode_moves(moves, b"k" * 32, b"r" * 16)
    assert decode_moves(session_id, data, b"k" * 32, b"r" * 16) == moves
