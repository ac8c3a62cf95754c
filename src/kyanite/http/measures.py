"""Figures that an area knows about itself, for whoever watches the appliance.

An area has functions ``(db, now) -> list[Measure]``; ``server/metrics.py`` collects them and alone
knows in which format they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Measure:
    """One figure, for each combination of labels that there is.

    ``name`` ends in its unit; ``samples`` has the values of ``labels`` in their order.
    """

    name: str
    meaning: str
    labels: tuple[str, ...]
    samples: Sequence[tuple[tuple[str, ...], float]]


Measures: TypeAlias = Callable[[Session, datetime], list[Measure]]
