"""Which packs are worth moving together: a rule of waste and price. Pure decisions, no I/O.

Moving a pack reads and writes what is live in it, once; it saves the storage of the rest for
as long as the live part is kept. Both are money, or time where storage costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kyanite.base.units import GIB
from kyanite.engine.pack import PackNumber

# The machine of a repack's session: no machine is called so.
REPACK_MACHINE: Final = "kyanite-repack"


@dataclass(frozen=True, slots=True)
class Price:
    """What storage costs, in any one currency.

    gib_month     a GiB kept for a month
    read_gib      a GiB read
    write_gib     a GiB written, above its requests
    read, write   a request
    months        how long what is live is expected to stay
    most_live     a pack of which more is live (0 to 1) is never moved: churn helps nobody
    """

    gib_month: float = 0.02
    read_gib: float = 0.0
    write_gib: float = 0.0
    read: float = 0.0000005
    write: float = 0.0000065
    months: float = 6.0
    most_live: float = 0.6


@dataclass(frozen=True, slots=True)
class PackLoad:
    """A pack: its size, how much of it points need, and whether a lock keeps it anyway."""

    number: PackNumber
    size_bytes: int
    live_bytes: int
    locked: bool = False

    @property
    def waste_bytes(self) -> int:
        return self.size_bytes - self.live_bytes


def gain(load: PackLoad, price: Price, pack_bytes: int) -> float:
    """What moving a pack saves, less what it costs. ``pack_bytes``: the size of new packs."""
    saved = load.waste_bytes / GIB * price.gib_month * price.months
    moved = load.live_bytes / GIB
    requests = price.read + price.write * load.live_bytes / pack_bytes
    return saved - moved * (price.read_gib + price.write_gib) - requests


def choose(
    loads: Iterable[PackLoad], price: Price, pack_bytes: int, budget_bytes: int
) -> list[PackLoad]:
    """Packs to move, the best first, as long as ``budget_bytes`` to be moved last.

    A locked pack would stay for all that: it is not moved. Packs in which nothing is live
    are for cleaning, not for moving.
    """
    worth = [
        load
        for load in loads
        if not load.locked
        and 0 < load.live_bytes <= price.most_live * load.size_bytes
        and gain(load, price, pack_bytes) > 0
    ]
    worth.sort(key=lambda load: (load.live_bytes / load.size_bytes, load.number))
    chosen: list[PackLoad] = []
    left = budget_bytes
    for load in worth:
        if load.live_bytes > left:
            break
        left -= load.live_bytes
        chosen.append(load)
    return chosen
