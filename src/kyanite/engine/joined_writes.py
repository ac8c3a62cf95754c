"""Neighbouring chunks become one write, as far as a bound allows: targets like it better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from kyanite.engine.storage.base import Data


class Target(Protocol):
    """Where a disk is restored to. Fresh: what is not written reads as zeros. Thread-safe."""

    def write(self, offset: int, data: Data) -> None:
        """Write all of ``data``, which is not kept after the return."""
        ...


@runtime_checkable
class GatheringTarget(Target, Protocol):
    """A target that takes neighbours without having them joined first."""

    def write_all(self, offset: int, parts: Sequence[Data]) -> None:
        """Write all of ``parts``, one behind the other."""
        ...


class JoinedWrites:
    """Holds what continues the run before it, at most ``most_bytes`` (0: holds nothing)."""

    def __init__(self, target: Target, most_bytes: int) -> None:
        self._target = target
        self._most_bytes = most_bytes
        self._parts: list[Data] = []
        self._start = 0
        self._length = 0

    def write(self, offset: int, data: Data) -> None:
        if offset != self._start + self._length or self._length + len(data) > self._most_bytes:
            self.flush()
        if not self._parts:
            self._start, self._length = offset, 0
        self._parts.append(data)
        self._length += len(data)

    def flush(self) -> None:
        """Write what is held."""
        if self._parts:
            parts, self._parts = self._parts, []
            if isinstance(self._target, GatheringTarget) and len(parts) > 1:
                self._target.write_all(self._start, parts)
            else:
                self._target.write(self._start, parts[0] if len(parts) == 1 else b"".join(parts))
