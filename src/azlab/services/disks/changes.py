"""When the bytes of a disk changed last: what entity tags are made of."""

from __future__ import annotations

import threading
from datetime import datetime


class ChangeTimes:
    """Moments of the last page write per volume, since the lab started.

    Not kept over a restart: a conditional request that spans one is refused, never wrongly
    let through, because the fallback is the moment at which the SAS was issued.
    """

    def __init__(self) -> None:
        self._times: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def note(self, volume_id: str, moment: datetime) -> datetime:
        """Bytes changed at this moment; the moment that the tag now stands for."""
        with self._lock:
            latest = max(moment, self._times.get(volume_id, moment))
            self._times[volume_id] = latest
            return latest

    def last(self, volume_id: str, fallback: datetime) -> datetime:
        """The last change, or the fallback when there was none since the lab started."""
        with self._lock:
            return max(fallback, self._times.get(volume_id, fallback))
