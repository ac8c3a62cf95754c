"""Objects of somebody who can write the storage and holds no key: any bytes, under any name."""

from __future__ import annotations

import random
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.hostile import bounded, scene, try_everything

KINDS = (
    "repository",
    "keys",
    "rings",
    "sessions",
    "packs",
    "index",
    "points",
    "traces",
    "expired",
    "ledger",
    "condemned",
    "damage",
    "verified",
)
FIELDS = {"u16": 2, "u32": 4, "u64": 8}


def every_name() -> list[str]:
    return [name for kind in KINDS for name in scene().names[kind]]


@pytest.mark.parametrize("kind", KINDS)
def test_extreme_numbers_in_headers_are_an_error_or_harmless(kind: str) -> None:
    """Every field of a header, all ones: lengths, counts, versions, codecs, kinds."""
    name = scene().names[kind][0]
    data = scene().objects[name]
    chooser = random.Random(kind)
    for at in sorted(chooser.sample(range(8, min(len(data), 72), 2), 3)):
        width = chooser.choice(list(FIELDS.values()))
        spoilt = data[:at] + b"\xff" * width + data[at + width :]
        with bounded(seconds=20):
            try_everything(partial(scene().storage, {name: spoilt}), scene().contents)


@pytest.mark.parametrize("kind", KINDS)
def test_something_else_under_a_name_is_an_error_or_harmless(kind: str) -> None:
    """Nothing, a byte less, a byte more, another object."""
    name = scene().names[kind][-1]
    data = scene().objects[name]
    other = next(iter(scene().objects.values()))
    for spoilt in (b"", data[:-1], data + b"\0", other):
        try_everything(partial(scene().storage, {name: spoilt}), scene().contents)


@st.composite
def spoilt_objects(draw: st.DrawFn) -> dict[str, bytes]:
    name = draw(st.sampled_from(every_name()))
    data = bytearray(scene().objects[name])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        what = draw(st.sampled_from(["flip", "cut", "insert", "fill"]))
        if what == "flip" and data:
            data[at] ^= draw(st.integers(1, 255))
        elif what == "cut":
            del data[at : at + draw(st.integers(1, 64))]
        elif what == "insert":
            data[at:at] = draw(st.binary(max_size=16))
        else:
            width = draw(st.sampled_from(list(FIELDS.values())))
            data[at : at + width] = draw(st.sampled_from([b"\0", b"\x7f", b"\xff"])) * width
    return {name: bytes(data)}


@given(spoilt_objects())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_spoilt_object_is_an_error_or_harmless(replaced: dict[str, bytes]) -> None:
    try_everything(lambda: scene().storage(replaced), scene().contents)


@pytest.mark.slow
@given(spoilt_objects())
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_spoilt_object_is_an_error_or_harmless_many_times(replaced: dict[str, bytes]) -> None:
    try_everything(lambda: scene().storage(replaced), scene().contents)
