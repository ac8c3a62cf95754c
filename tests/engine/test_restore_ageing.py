"""Restoring the newest point of a long chain costs what restoring the first one did."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from bench.restore_ageing import run
from kyanite.base.units import MIB


@pytest.mark.slow
@pytest.mark.measured
def test_restoring_does_not_age(tmp_path: Path) -> None:
    figures = run(tmp_path, 365, 640 * MIB, repack_every=60)
    assert cast("float", figures["read_ratio"]) <= 1.10
    assert cast("float", figures["wall_ratio"]) <= 1.15


def test_the_newest_of_some_points_reads_hardly_more_than_the_first(tmp_path: Path) -> None:
    figures = run(tmp_path, 25, 16 * MIB, repack_every=10)
    assert cast("float", figures["read_ratio"]) <= 1.10
