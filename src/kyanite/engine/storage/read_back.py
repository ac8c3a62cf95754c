"""Reads every object back after it was put: what arrived is what was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from blake3 import blake3

from kyanite.base.errors import Damaged
from kyanite.engine.storage.wrapper import Call, StorageWrapper

_Answer = TypeVar("_Answer")


class ReadBackStorage(StorageWrapper):
    """A put returns when the object was read again and is the same. Raises ``Damaged``."""

    def _around(self, call: Call, act: Callable[[], _Answer]) -> _Answer:
        if call.operation != "put" or call.data is None:
            return act()
        sent = blake3(call.data).digest()
        answer = act()
        if blake3(self.inner.get(call.name)).digest() != sent:
            raise Damaged(
                f"{call.name} did not arrive as it was sent; check the storage, remove the "
                "object, and run the command again."
            )
        return answer
