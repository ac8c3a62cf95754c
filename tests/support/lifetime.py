"""Processes that end with the one that started them, even when that is killed."""

from __future__ import annotations

import ctypes
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def end_with_parent() -> None:
    """For ``preexec_fn``: Linux kills the new process when the thread that starts it is gone.

    Tests clean up behind themselves, but whoever interrupts a run in several processes kills them
    before they have.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
