"""Restoring the newest point of a long chain costs what restoring the first one did."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from bench.restore_ageing import run
from kyanite.base import interpreter
from kyanite.base.units import MIB


@pytest.fixture
def as_the_product_runs() -> Iterator[None]:
    """With its settings of the interpreter, which are put back."""
    before = sys.getswitchinterval(), gc.get_threshold()
    interpreter.set_up()
    yield
    sys.setswitchinterval(before[0])
    gc.set_threshold(*before[1])


@pytest.mark.slow
@pytest.mark.measured
@pytest.mark.usefixtures("as_the_product_runs")
@pytest.mark.parametrize(
    ("size_bytes", "repack_every"),
    [
        pytest.param(256 * MIB, 0, id="without upkeep"),
        pytest.param(640 * MIB, 60, id="with upkeep"),
    ],
)
def test_restoring_does_not_age(tmp_path: Path, size_bytes: int, repack_every: int) -> None:
    figures = run(tmp_path, 365, size_bytes, repack_every)
    assert cast("float", figures["read_ratio"]) <= 1.10
    assert cast("float", figures["wall_ratio"]) <= 1.15


def test_the_newest_of_some_points_reads_hardly_more_than_the_first(tmp_path: Path) -> None:
    figures = run(tmp_path, 25, 16 * MIB, repack_every=10)
    assert cast("float", figures["read_ratio"]) <= 1.10
