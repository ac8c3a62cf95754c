"""A line of a session's log that can be brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyanite.base.errors import KyaniteError
from kyanite.rules.sessions import SessionStatus, is_final

if TYPE_CHECKING:
    from kyanite.durable.reporting import Reporting


class LogLine:
    """One line; it keeps its time and place however often it changes."""

    def __init__(self, context: Reporting, key: str, message: str, resource_id: str | None) -> None:
        self._context = context
        self._key = key
        self._message = message
        self._resource_id = resource_id
        self._ended = False

    def show(self, status: SessionStatus, message: str | None = None) -> None:
        """Change status and, if given, text."""
        self._message = message or self._message
        self._ended = is_final(status)
        self._context.write_log(self._key, status, self._message, self._resource_id)

    def end(self, status: SessionStatus, message: str | None = None) -> None:
        """End the line; one that has ended keeps its status."""
        if not self._ended:
            self.show(status, message)

    def fail(self, error: Exception) -> None:
        """End the line as ``Error``, with the reason."""
        reason = str(error) if isinstance(error, KyaniteError) else type(error).__name__
        self.end(SessionStatus.ERROR, f"{self._message}: {reason}")
