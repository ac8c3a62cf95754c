"""The lab's time: the real time plus what the control interface has advanced it by."""

import threading
from datetime import UTC, datetime, timedelta

from azlab.core.json_types import number_at
from azlab.core.state import State

_KIND, _KEY = "lab", "clock"


class LabClock:
    """Tokens, SAS, operations and everything else with a date of its own follow this clock."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._ahead = timedelta(0)
        self.reload()

    def now(self) -> datetime:
        """Lab time, in UTC."""
        return datetime.now(UTC) + self._ahead

    @staticmethod
    def real_now() -> datetime:
        """The time outside: clients date their requests by it, so those dates are checked by it."""
        return datetime.now(UTC)

    def advance(self, seconds: float) -> datetime:
        """Move on by `seconds` (not back); survives a restart. Returns the new lab time."""
        with self._lock, self._state.transaction() as tx:
            ahead = self._ahead + timedelta(seconds=seconds)
            tx.put(_KIND, _KEY, {"aheadSeconds": ahead.total_seconds()})
            self._ahead = ahead
        return self.now()

    def reload(self) -> None:
        """Take the offset that the state holds: at start, and after a reset."""
        with self._state.transaction() as tx:
            stored = tx.get(_KIND, _KEY) or {}
        self._ahead = timedelta(seconds=number_at(stored, "aheadSeconds") or 0.0)


def moment_or_none(text: str) -> datetime | None:
    """A time as a service keeps it; None where none is kept."""
    return datetime.fromisoformat(text) if text else None


def iso(moment: datetime) -> str:
    """The way ARM writes a time: UTC, seven digits, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
