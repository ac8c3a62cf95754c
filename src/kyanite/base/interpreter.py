"""The interpreter, set up for processes that start often and compute in several threads."""

from __future__ import annotations

import gc
import sys
from typing import Final

_SWITCH_SECONDS: Final = 0.001
"""A thread that only computes keeps those that send and receive waiting no longer than this."""


def set_up() -> None:
    """For the whole process, at its start."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Imports make thousands of objects that stay: looking for garbage among them is a tenth
    # of the start.
    gc.set_threshold(50_000, 20, 20)


def wind_up() -> None:
    """For the end of a process: no last look for garbage, which ends with the process anyway."""
    gc.disable()
    gc.freeze()
