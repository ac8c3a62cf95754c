"""Pieces that are read and marked in any order, and cut one after the other.

The pieces of neighbouring regions form a strand. What a piece leaves uncut at its end
is handed to the next piece of the strand, which waits for it; cutting takes
microseconds, so nobody waits for long, and what takes long happens outside.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Carry:
    """The uncut end of a piece: its bytes and the marks of its blocks."""

    marks: bytes
    data: bytes


NOTHING: Final = Carry(b"", b"")


class Strand:
    """The order of turns. Pieces have to be begun in the order of their turns."""

    def __init__(self) -> None:
        self._turn = 0
        self._carry = NOTHING
        self._failure: BaseException | None = None
        self._changed = threading.Condition()

    def take(self, turn: int) -> Carry:
        """What the piece before has left. Raises what made that piece fail."""
        with self._changed:
            while self._turn != turn:
                if self._failure is not None:
                    raise self._failure
                self._changed.wait()
            return self._carry

    def hand_on(self, carry: Carry) -> None:
        """The next turn, with what is left."""
        with self._changed:
            self._turn += 1
            self._carry = carry
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """No turn will come any more."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()
