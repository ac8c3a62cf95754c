"""Whose words count: one run of one order, under one epoch.

Every takeover of a session raises its epoch. Both sides stamp every frame with run and
epoch and refuse what carries others: a frame of an older epoch comes from somebody who
was replaced, one of a newer epoch says that we are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to do with a frame."""

    OURS = "ours"
    STALE = "stale"
    """From an older epoch, or from another run of this one: refused."""
    REPLACED = "replaced"
    """From a newer epoch: the receiver's own work counts no more."""


@dataclass(frozen=True)
class Fence:
    """``run`` names one start of a data mover, ``epoch`` the takeover it belongs to."""

    run: str
    epoch: int

    def judge(self, run: str, epoch: int) -> Verdict:
        """What a frame with this stamp is to us."""
        if epoch > self.epoch:
            return Verdict.REPLACED
        if epoch < self.epoch or run != self.run:
            return Verdict.STALE
        return Verdict.OURS
