"""Listings with an end: whoever can write the storage must not decide how much memory we take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kyanite.base.errors import Damaged
from kyanite.engine.storage.base import ObjectInfo, Storage

MOST_OBJECTS: Final = 1 << 21  # of one kind, but for packs; a thousand machines for five years


def listed(storage: Storage, prefix: str) -> Iterator[ObjectInfo]:
    """The objects below ``prefix``; raises ``Damaged`` when there are impossibly many."""
    for number, info in enumerate(storage.list(prefix)):
        if number == MOST_OBJECTS:
            raise Damaged(
                f"There are more than {MOST_OBJECTS} objects below {prefix}; no repository has so "
                "many. Remove what does not belong there."
            )
        yield info
