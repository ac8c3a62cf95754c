"""Neighbouring chunks become one write, as far as a bound allows: targets like it better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol, cast, runtime_checkable

from kyanite.engine.storage.base import Data

# With 2 a restore makes up to 6 % more writes, with 1 up to 30 %; over a network each counts.
_OPEN: Final = 3


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


@runtime_checkable
class ForeseeingTarget(Target, Protocol):
    """A target that is faster if it knows what comes."""

    def expect(self, offset: int, length: int) -> None:
        """All of this will hold data, most of it soon. Costs little, and may do nothing."""
        ...


@dataclass(slots=True)
class _Run:
    start: int
    length: int = 0
    parts: list[Data] = field(default_factory=list)


class JoinedWrites:
    """Holds runs of neighbours, each of at most ``most_bytes`` (0: holds nothing).

    Several runs are open at once: pieces of a disk that were backed up at the same time lie
    interleaved in a pack. All of them together hold at most ``_OPEN`` times ``most_bytes``;
    over that, the longest is written.
    """

    def __init__(self, target: Target, most_bytes: int) -> None:
        self._target = target
        self._most_bytes = most_bytes
        self._runs: dict[int, _Run] = {}  # by where they end
        self._held_bytes = 0

    def write(self, offset: int, data: Data) -> None:
        run = self._runs.pop(offset, None) or _Run(offset)
        if run.length + len(data) > self._most_bytes:
            self._put(run)
            run = _Run(offset)
        run.parts.append(data)
        run.length += len(data)
        self._held_bytes += len(data)
        if offset + len(data) in self._runs:
            self._put(self._runs.pop(offset + len(data)))
        self._runs[offset + len(data)] = run
        while self._held_bytes > _OPEN * self._most_bytes:
            longest = max(self._runs.values(), key=lambda one: one.length)
            self._put(self._runs.pop(longest.start + longest.length))

    def flush(self) -> None:
        """Write what is held."""
        for run in self._runs.values():
            self._put(run)
        self._runs.clear()

    def _put(self, run: _Run) -> None:
        self._held_bytes -= run.length
        if not run.parts:
            return
        if len(run.parts) > 1 and _gathers(type(self._target)):
            cast("GatheringTarget", self._target).write_all(run.start, run.parts)
        else:
            data = run.parts[0] if len(run.parts) == 1 else b"".join(run.parts)
            self._target.write(run.start, data)


@lru_cache(maxsize=64)
def _gathers(kind: type[Target]) -> bool:
    """Asked for every write, and slow to find out."""
    return issubclass(kind, GatheringTarget)
