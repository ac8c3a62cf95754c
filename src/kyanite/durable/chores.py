"""What a process does for the whole appliance now and then, without a session for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

# A start is busy enough.
_AFTER: Final = timedelta(seconds=20)


@dataclass(frozen=True)
class Chore:
    """Done some time ``after`` the start and then ``every`` so often, by each process.

    ``act`` is given what says whether it should go on: no longer, when the process is to end. It
    must stand being done by several processes at a time.
    """

    name: str
    every: timedelta
    act: Callable[[Callable[[], bool]], object]
    after: timedelta = _AFTER
