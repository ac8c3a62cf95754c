"""What the lab was asked, by service and operation: counts, bytes, and how much at once."""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from azlab.core.clock import iso
from azlab.core.json_types import JsonObject, JsonValue

_JOURNAL_LENGTH = 20_000  # requests remembered one by one; enough for any run of the tests


@dataclass
class OperationCount:
    """The figures of one operation since the last reset."""

    service: str
    operation: str
    requests: int = 0
    errors: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    running: int = 0
    most_at_once: int = 0
    first_at: str = ""
    last_at: str = ""

    def to_json(self) -> JsonObject:
        """As the control interface shows it."""
        return {
            "service": self.service,
            "operation": self.operation,
            "requests": self.requests,
            "errors": self.errors,
            "bytesIn": self.bytes_in,
            "bytesOut": self.bytes_out,
            "running": self.running,
            "maxConcurrent": self.most_at_once,
            "firstAt": self.first_at,
            "lastAt": self.last_at,
        }


@dataclass(frozen=True)
class JournalLine:
    """One finished request. `status` is 0 when the connection broke before an answer."""

    number: int
    at: str
    service: str
    operation: str
    method: str
    path: str
    status: int
    bytes_in: int
    bytes_out: int
    seconds: float

    def to_json(self) -> JsonObject:
        """As the control interface shows it."""
        return {
            "number": self.number,
            "at": self.at,
            "service": self.service,
            "operation": self.operation,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "bytesIn": self.bytes_in,
            "bytesOut": self.bytes_out,
            "seconds": round(self.seconds, 6),
        }


class Stats:
    """Counts every request but those of the control interface. Times are real, not lab time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], OperationCount] = {}
        self._journal: deque[JournalLine] = deque(maxlen=_JOURNAL_LENGTH)
        self._number = 0
        self._since = datetime.now(UTC)

    def begin(self, service: str, operation: str) -> OperationCount:
        """A request has arrived; give what this returns to `end`."""
        now = iso(datetime.now(UTC))
        with self._lock:
            count = self._counts.get((service, operation))
            if count is None:
                count = self._counts[service, operation] = OperationCount(service, operation)
            count.requests += 1
            count.running += 1
            count.most_at_once = max(count.most_at_once, count.running)
            count.first_at = count.first_at or now
            count.last_at = now
            return count

    def end(
        self,
        count: OperationCount,
        method: str,
        path: str,
        status: int,
        bytes_in: int,
        bytes_out: int,
        seconds: float,
    ) -> None:
        """The request was answered (or its connection broke: status 0)."""
        now = iso(datetime.now(UTC))
        with self._lock:
            count.running -= 1
            count.last_at = now
            count.bytes_in += bytes_in
            count.bytes_out += bytes_out
            if status == 0 or status >= 400:
                count.errors += 1
            self._number += 1
            self._journal.append(
                JournalLine(
                    self._number,
                    now,
                    count.service,
                    count.operation,
                    method,
                    path,
                    status,
                    bytes_in,
                    bytes_out,
                    seconds,
                )
            )

    def reset(self) -> None:
        """Start counting again; what runs now still ends in its old count."""
        with self._lock:
            self._counts.clear()
            self._journal.clear()
            self._since = datetime.now(UTC)

    def to_json(self) -> JsonObject:
        """The answer of GET /stats."""
        with self._lock:
            counts = sorted(self._counts.values(), key=lambda one: (one.service, one.operation))
            operations: list[JsonValue] = [one.to_json() for one in counts]
            return {"since": iso(self._since), "operations": operations}

    def journal(self, after: int) -> JsonObject:
        """The answer of GET /requests: finished requests whose number is above `after`."""
        with self._lock:
            lines: list[JsonValue] = [
                line.to_json() for line in self._journal if line.number > after
            ]
            return {"since": iso(self._since), "requests": lines}
