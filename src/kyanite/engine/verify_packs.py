"""Looks at packs: their sizes against the index, and everything in those that are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.engine.control import Control
from kyanite.engine.index import Index
from kyanite.engine.keys import RepositoryKeys
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.pack_check import CheckedPack, check_pack
from kyanite.engine.pack_set import PackSet
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map
from kyanite.engine.verify_hurts import BadEntries
from kyanite.engine.verify_report import Damage

_PACKS_AT_ONCE: Final = 3  # each is held in memory whole


class PackChecks:
    """Collects what is wrong in ``bad``.

    names      of every pack that the index knows
    read_now   packs that were read whole and are right
    unindexed  packs of which the index does not know everything, though it knows them
    """

    def __init__(self, storage: Storage, control: Control, bad: BadEntries, index: Index) -> None:
        self._storage = storage
        self._control = control
        self._bad = bad
        self._index = index
        self.damages: list[Damage] = []
        self.names: dict[PackNumber, str] = {}
        self.read_now = PackSet()
        self.unindexed = PackSet()
        self.opened = 0
        self.read_bytes = 0

    def compare(self, sizes: Mapping[PackRef, int]) -> None:
        """Find packs of another size than the index knows."""
        for pack, indexed in self._index.packs().items():
            self.names[pack.number] = pack.name
            size = sizes.get(pack)
            if size is not None and size != indexed.size_bytes:
                self._bad.lost.add(pack)
                reason = f"It has {size} bytes and should have {indexed.size_bytes}."
                self.damages.append(Damage(pack.name, reason))

    def open(self, keys: RepositoryKeys, packs: Sequence[PackRef]) -> None:
        """Read packs whole."""

        def check(pack: PackRef) -> CheckedPack | EngineError | None:
            self._control.check()
            try:
                return check_pack(self._storage, keys, pack)
            except ObjectMissing:
                return None  # deleted meanwhile
            except EngineError as error:
                return error

        for at in range(0, len(packs), _PACKS_AT_ONCE):
            some = packs[at : at + _PACKS_AT_ONCE]
            found = parallel_map(check, some, _PACKS_AT_ONCE)
            for pack, checked in zip(some, found, strict=True):
                if isinstance(checked, CheckedPack):
                    self._note(pack, checked)
                elif checked is not None and pack not in self._bad.lost:
                    self._bad.lost.add(pack)
                    self.damages.append(Damage(pack.name, str(checked)))

    def _note(self, pack: PackRef, checked: CheckedPack) -> None:
        self.opened += checked.opened
        self.read_bytes += checked.size_bytes
        self._control.advance(read=checked.size_bytes, processed=checked.size_bytes)
        if checked.damaged:
            reasons = " ".join(reason for _, reason in checked.damaged)
            self.damages.append(Damage(pack.name, reasons))
            self._bad.entries |= {(pack, entry_id) for entry_id, _ in checked.damaged}
        elif pack not in self._bad.lost:
            self.read_now.add(pack.number)
        if pack.number in self.names:
            places = self._index.find_all_many(checked.entry_ids)
            if not all(any(one.pack == pack for one in found) for found in places):
                self.unindexed.add(pack.number)
