"""How many calls this process has made to the Resource Manager, and how they were answered."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final

OK: Final = "ok"
THROTTLED: Final = "throttled"
REFUSED: Final = "refused"
FAILED: Final = "failed"
_TOO_MANY: Final = 429
_lock = threading.Lock()
_calls: Counter[str] = Counter({OK: 0, THROTTLED: 0, REFUSED: 0, FAILED: 0})


def count_call(status: int) -> None:
    """One call, by the HTTP status of its answer; 0 when there was none."""
    if status == _TOO_MANY:
        result = THROTTLED
    elif 200 <= status < 400:
        result = OK
    elif 400 <= status < 500:
        result = REFUSED
    else:
        result = FAILED
    with _lock:
        _calls[result] += 1


def call_counts() -> Mapping[str, int]:
    """Calls by result since this process began."""
    with _lock:
        return dict(_calls)
