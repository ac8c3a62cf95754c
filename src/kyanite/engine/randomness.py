"""Where keys, salts and ids are drawn from: the system, or what a test puts in its place.

The source belongs to the context of the caller and not to every signature down to a seal: a
place that forgot to hand it on would draw from the system without anybody noticing. The
threads of the engine inherit it. With one worker thread the same input, clock and source give
the same bytes in the storage (tests/engine/test_repeatable.py).

Whoever puts a source that can be foreseen in the place of the system's gives all keys away.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Final, Protocol

from kyanite.base.clock import Clock


class Randomness(Protocol):
    """A source of random bytes. Thread-safe."""

    def draw(self, count: int) -> bytes:
        """So many fresh bytes."""
        ...


class SystemRandomness:
    """The random source of the operating system."""

    def draw(self, count: int) -> bytes:
        return os.urandom(count)


_SOURCE: Final[ContextVar[Randomness]] = ContextVar(
    "kyanite_randomness",
    default=SystemRandomness(),  # noqa: B039 (it has no state)
)


def draw(count: int) -> bytes:
    """So many random bytes."""
    return _SOURCE.get().draw(count)


def draw_session_id(clock: Clock) -> str:
    """A fresh UUIDv7, of the clock's time."""
    milliseconds = int(clock.now().timestamp() * 1000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(draw(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    text = f"{value & ~(0x3 << 62) | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@contextmanager
def drawn_from(source: Randomness) -> Iterator[None]:
    """Inside, everything random is drawn from ``source``."""
    token = _SOURCE.set(source)
    try:
        yield
    finally:
        _SOURCE.reset(token)


def inherited(work: Callable[[], None]) -> Callable[[], None]:
    """``work`` for a thread of its own, drawing from where the caller does."""
    return partial(copy_context().run, work)
