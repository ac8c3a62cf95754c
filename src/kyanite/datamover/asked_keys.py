"""The pack keys of a restore order, and those of packs that were made while it runs.

A restore takes hours. Meanwhile a repack or a repair may move what it needs to new packs, and
cleaning delete the old ones. An order opens the packs it names and nothing else, so for the
others the mover asks the appliance, which answers with the rights of the same order as of now.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from kyanite.base.errors import Interrupted, KyaniteError
from kyanite.engine.keys import RestoreKeys

_MOST_QUESTIONS: Final = 64
"""Each answer costs the appliance a walk through the pages of the point."""


class AskedKeys(Mapping[bytes, bytes]):
    """Pack id → key. A pack that is not known is asked for, once. Thread-safe."""

    def __init__(self, known: Mapping[bytes, bytes], ask: Callable[[], RestoreKeys]) -> None:
        self._known = dict(known)
        self._ask = ask
        self._none: set[bytes] = set()
        self._questions = 0
        self._lock = threading.Lock()

    def __getitem__(self, pack_id: bytes) -> bytes:
        with self._lock:  # who waits here finds the answer to the question of another
            if pack_id not in self._known and pack_id not in self._none:
                self._learn()
                if pack_id not in self._known:
                    self._none.add(pack_id)
            return self._known[pack_id]

    def __iter__(self) -> Iterator[bytes]:
        return iter(dict(self._known))

    def __len__(self) -> int:
        return len(self._known)

    def _learn(self) -> None:
        if self._questions >= _MOST_QUESTIONS:
            return
        self._questions += 1
        try:
            self._known.update(self._ask().pack_keys)
        except Interrupted:
            raise
        except KyaniteError:
            return  # then the restore says what it cannot read, as without the question
