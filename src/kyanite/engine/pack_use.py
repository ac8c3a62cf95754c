"""Which packs are in use, for a whole repository: compact, so that millions fit in memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

import numpy as np

from kyanite.engine.ledger import Keys, MachineUse
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet

_BLOCK: Final = 500_000


class PackUse:
    """All packs in use: millions of them as sorted numbers, the latest few one by one."""

    def __init__(self) -> None:
        self._owners: dict[bytes, int] = {}
        self._parts: list[Keys] = []
        self._keys: Keys = np.zeros(0, np.uint64)
        self._late = PackSet()
        self._released = PackSet()

    def add_machine(self, machine: MachineUse) -> None:
        """Everything the machine's points need."""
        places = np.array(
            [self._owners.setdefault(owner, len(self._owners)) for owner in machine.owners],
            np.uint64,
        )
        if len(machine.owner):
            self._parts.append((places[machine.owner] << np.uint64(32)) | machine.ordinal)

    def add(self, number: PackNumber) -> None:
        self._late.add(number)

    def release(self, packs: PackSet) -> None:
        """These are not in use after all, whatever was or will be added: they were moved."""
        self._released = packs

    def __contains__(self, number: PackNumber) -> bool:
        return number not in self._released and self.named(number)

    def named(self, number: PackNumber) -> bool:
        """Whether any point names it, moved or not."""
        if number in self._late:
            return True
        owner = self._owners.get(number.session_id)
        if owner is None:
            return False
        keys = self._settled()
        key = np.uint64(owner << 32 | number.ordinal)
        at = int(np.searchsorted(keys, key))
        return at < len(keys) and keys[at] == key

    def __len__(self) -> int:
        return len(self._settled()) + len(self._late)

    def missing(self, present: Iterable[PackNumber]) -> PackSet:
        """Packs that are in use and not among ``present``."""
        keys = self._settled()
        found = np.zeros(len(keys), bool)
        late = self._late
        seen = PackSet()
        numbers = iter(present)
        while block := list(islice(numbers, _BLOCK)):
            seen.update(number for number in block if number in late)
            wanted = [
                owner << 32 | number.ordinal
                for number in block
                if (owner := self._owners.get(number.session_id)) is not None
            ]
            found |= np.isin(keys, np.array(wanted, np.uint64))
        owners = list(self._owners)
        lost = PackSet(
            PackNumber(owners[key >> 32], key & 0xFFFFFFFF) for key in keys[~found].tolist()
        )
        lost.update(late.without(seen))
        return lost.without(self._released)

    def _settled(self) -> Keys:
        if self._parts:
            self._keys = np.unique(np.concatenate((self._keys, *self._parts)))
            self._parts = []
        return self._keys
