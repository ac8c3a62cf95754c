"""Which packs a verification reads. Pure decisions.

Rolling: each run reads its share, so that all is read within a number of days if it runs
every day; what was read longest ago comes first, what was never read before that.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from kyanite.engine.pack import PackNumber, PackRef

_SAMPLED_SHARE: Final = 20  # one pack in so many

Sized = Sequence[tuple[PackRef, int]]


@dataclass(frozen=True, slots=True)
class Rolling:
    """Everything is read within ``days``; ``today`` by the caller's clock."""

    days: int
    today: date


def sample(packs: Sized, chooser: random.Random) -> list[PackRef]:
    """One pack in twenty, at least one."""
    if not packs:
        return []
    chosen = chooser.sample(packs, -(-len(packs) // _SAMPLED_SHARE))
    return [pack for pack, _ in chosen]


def due(packs: Sized, read_on: Mapping[PackNumber, date], rolling: Rolling) -> list[PackRef]:
    """What to read today: all that is due by now, and the share of the days since the last run.

    A pack that was read today is never due.
    """
    never = date.min
    order = sorted(
        ((read_on.get(pack.number, never), pack.name, pack, size) for pack, size in packs),
        key=lambda one: one[:2],
    )
    last_run = max((day for day, _, _, _ in order if day != never), default=None)
    elapsed = 1 if last_run is None else max((rolling.today - last_run).days, 0)
    total = sum(size for _, size in packs)
    budget = -(-total * min(elapsed, rolling.days) // rolling.days)
    chosen: list[PackRef] = []
    for day, _, pack, size in order:
        if day >= rolling.today:
            break
        overdue = day != never and day + timedelta(days=rolling.days) <= rolling.today
        if budget <= 0 and not overdue:
            continue  # behind what was never read stands what may be due
        chosen.append(pack)
        budget -= size
    return chosen
