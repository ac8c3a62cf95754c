"""Sealed objects of somebody who holds the maintenance key (and a session root), member by member.

``corpus/members.json`` keeps what was tried by hand and what once got through; hypothesis
puts other values everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kyanite.base.json_types import JsonValue
from kyanite.engine.format import Kind
from kyanite.engine.sealed_object import kind_of
from support.hostile import Attacker, bounded, scene, try_everything

CORPUS = json.loads((Path(__file__).parent / "corpus" / "members.json").read_text(encoding="utf-8"))
RAW = "@ the raw text goes here @"
TARGETS = (
    *("points", "structure", "sessions", "traces", "expired"),
    *("condemned", "waits", "moves", "damage", "verified"),
)

Path_ = tuple[str | int, ...]


@cache
def attacker() -> Attacker:
    return Attacker(scene())


def target_name(target: str) -> str:
    """The object that a corpus entry is about."""
    objects = scene().objects
    if target in ("points", "structure", "moves"):
        kind = Kind.MOVES if target == "moves" else Kind.POINT
        return next(n for n in scene().names["points"] if kind_of(n, objects[n]) is kind)
    if target in ("condemned", "waits"):
        suffix = "/waits" if target == "waits" else "/packs"
        return next(name for name in scene().names["condemned"] if name.endswith(suffix))
    return scene().names[target][0]


def spoil(target: str, member: Path_, raw: str) -> dict[str, bytes]:
    """The object with the text ``raw`` as the value of a member."""
    name = target_name(target)
    body = json.loads(attacker().body(name))
    if target == "structure":
        structure = with_raw(json.loads(body["structure"]), member, raw)
        text = structure.encode("utf-8", "surrogatepass")
        return {name: attacker().put(name, attacker().point(name.partition("/")[2], text))}
    return {name: attacker().put(name, with_raw(body, member, raw).encode())}


def with_raw(body: JsonValue, member: Path_, raw: str) -> str:
    def changed(value: JsonValue, path: Path_) -> JsonValue:
        if not path:
            return RAW
        if isinstance(value, list):
            return [changed(v, path[1:]) if n == path[0] else v for n, v in enumerate(value)]
        assert isinstance(value, dict)
        return {**value, str(path[0]): changed(value.get(str(path[0])), path[1:])}

    return json.dumps(changed(body, member)).replace(json.dumps(RAW), raw)


@pytest.mark.parametrize("entry", CORPUS, ids=[f"{e['of']}: {e['why']}" for e in CORPUS])
def test_a_hostile_member_is_an_error_or_harmless(entry: dict[str, JsonValue]) -> None:
    repeat = entry.get("repeat")
    raw = str(entry.get("raw"))
    if isinstance(repeat, list):
        before, text, times, after = repeat
        assert isinstance(times, int)
        raw = f"{before}{str(text) * times}{after}"
    member = entry["member"]
    assert isinstance(member, list)
    replaced = spoil(str(entry["of"]), tuple(member), raw)
    with bounded() if repeat else nullcontext():
        try_everything(lambda: scene().storage(replaced), scene().contents)


def members(value: JsonValue, at: Path_ = ()) -> Iterator[Path_]:
    yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from members(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:3]):
            yield from members(inner, (*at, number))


@cache
def all_members() -> list[tuple[str, Path_]]:
    found: list[tuple[str, Path_]] = []
    for target in TARGETS:
        body = json.loads(attacker().body(target_name(target)))
        value = json.loads(body["structure"]) if target == "structure" else body
        found += ((target, path) for path in members(value) if path)
    return found


VALUES = st.one_of(
    st.sampled_from(
        [
            "null",
            "true",
            "[]",
            "{}",
            '""',
            "-1",
            "0",
            "1e400",
            "NaN",
            "4294967296",
            "1" * 40,
            '"\\ud800"',
            '"\\u0000"',
            '"00000000-0000-0000-0000-000000000000"',
            "[[[[]]]]",
            '{"":0}',
        ]
    ),
    st.integers().map(str),
    st.text(max_size=20).map(json.dumps),
)


def check_any_value(data: st.DataObject) -> None:
    target, member = data.draw(st.sampled_from(all_members()))
    replaced = spoil(target, member, data.draw(VALUES))
    try_everything(lambda: scene().storage(replaced), scene().contents)


@given(st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_value_in_any_member_is_an_error_or_harmless(data: st.DataObject) -> None:
    check_any_value(data)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_value_in_any_member_is_an_error_or_harmless_many_times(data: st.DataObject) -> None:
    check_any_value(data)
