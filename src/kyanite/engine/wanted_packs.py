"""What a restore wants of each pack, gathered until all of it is known: then a pack is read once.

A point says how many bytes of a disk stand in each pack (docs/format/order.md, "Pack sets"),
so it is known when nothing more will come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from kyanite.base.units import KIB
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.restore_plan import PackWants, Wanted

# Pages count in the needs of a pack with a byte each; no chunk but the last of a disk is shorter.
_LESS_THAN_A_CHUNK: Final = 4 * KIB

# Some 30 MB. Whoever wants more reads some packs twice.
_MOST_HELD_CHUNKS: Final = 1 << 16


class WantedPacks:
    """Wrong numbers in a point cost a second read of a pack, and nothing else."""

    def __init__(self, needs: Mapping[PackNumber, int]) -> None:
        """``needs``: bytes of the disk in each pack, as the point has them."""
        self._unseen_bytes = dict(needs)
        self._wanted: dict[PackRef, list[Wanted]] = {}
        self._held_chunks = 0

    def saw(self, needs: Mapping[PackNumber, int]) -> None:
        """So many bytes of the disk stand in each pack, wanted or not."""
        for pack, length in needs.items():
            if pack in self._unseen_bytes:
                self._unseen_bytes[pack] -= length

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Chunks to read, each from the pack of its location."""
        for one in wanted:
            self._wanted.setdefault(one.location.pack, []).append(one)
            self._held_chunks += 1

    def take(self, everything: bool = False) -> list[PackWants]:
        """The packs that may be read now; ``everything``: nothing more will come."""
        everything = everything or self._held_chunks > _MOST_HELD_CHUNKS
        ready = [
            pack
            for pack in self._wanted
            if everything or self._unseen_bytes.get(pack.number, 0) < _LESS_THAN_A_CHUNK
        ]
        taken: list[PackWants] = [(pack, self._wanted.pop(pack)) for pack in ready]
        self._held_chunks -= sum(len(wanted) for _, wanted in taken)
        return taken
