"""One attempt at one item: how far it has come, and how it ended."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kyanite.durable.fence import fenced, fenced_note
from kyanite.durable.results import Bytes, end_run, raise_bytes
from kyanite.durable.session_log import mark_session
from kyanite.rules.sessions import SessionStatus

if TYPE_CHECKING:
    from kyanite.durable.reporting import Reporting

DUE_PARTS: Final = 40
DUE_SECONDS: Final = 1.0


def is_due(moved: Bytes, stored: Bytes, waited_seconds: float) -> bool:
    """Whether counts have changed by much, or a while ago, since they were stored."""
    if waited_seconds >= DUE_SECONDS:
        return moved != stored
    steps = (
        moved.read - stored.read,
        moved.processed - stored.processed,
        moved.transferred - stored.transferred,
    )
    return DUE_PARTS * max(steps) > moved.total


class Item:
    """Counts bytes in memory; the runtime stores them when they are due, `flush` at once.

    Due is what has moved a fortieth of the item or waited a second: what people see is true
    to a tenth also of an item that takes two seconds.

    What people see never shrinks: after a takeover the counts begin anew and show when they
    pass what was reached before.
    """

    def __init__(self, context: Reporting, item_id: int, attempt: int, resource_id: str) -> None:
        self.resource_id = resource_id
        self._context = context
        self.item_id = item_id
        self.attempt = attempt
        self._lock = threading.Lock()
        self._moved = Bytes()
        self._stored = Bytes()
        self._stored_at_seconds = 0.0

    def set_total(self, total_bytes: int) -> None:
        """How large the item is."""
        with self._lock:
            self._moved = replace(self._moved, total=total_bytes)

    def set_moved(self, *, read: int, processed: int, transferred: int) -> None:
        """How many bytes this attempt has read, processed and transferred since it began."""
        with self._lock:
            self._moved = Bytes(self._moved.total, read, processed, transferred)

    def advance(self, *, read: int = 0, processed: int = 0, transferred: int = 0) -> None:
        """Add to the counts."""
        with self._lock:
            self._moved = Bytes(
                self._moved.total,
                self._moved.read + read,
                self._moved.processed + processed,
                self._moved.transferred + transferred,
            )

    def flush_if_due(self, now_seconds: float) -> None:
        """Store the counts if they have changed by much, or a while ago. On a clock that only
        goes forward."""
        with self._lock:
            moved = self._moved
        if is_due(moved, self._stored, now_seconds - self._stored_at_seconds):
            self.flush()
            self._stored_at_seconds = now_seconds

    def flush(self) -> None:
        """Store the counts if they have changed."""
        with self._lock:
            moved = self._moved
        if moved == self._stored:
            return
        with fenced_note(self._context.database, self._context.attempt) as db:
            raise_bytes(db, self.item_id, self.attempt, moved)
        self._stored = moved

    def warn(self, message: str) -> None:
        """The item is done, with a reservation."""
        self._end(SessionStatus.WARNING, message)

    def fail(self, message: str) -> None:
        """The attempt at this item has failed. One that has ended stays as it is."""
        self._end(SessionStatus.ERROR, message)

    def _end(self, status: SessionStatus, error: str | None) -> None:
        self.flush()
        with fenced(self._context.database, self._context.attempt) as db:
            end_run(db, self.item_id, self.attempt, status, error)
            mark_session(db, self._context.session_id, status, lasting=False)
