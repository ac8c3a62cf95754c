"""States of a session, the moves between them, and how the results of its items add up.

docs/behaviour/sessions.md, section 3::

    Pending ─► Running ─► RunningWithWarning ─► RunningWithError      (never back)
        │         └───────────────┴──────────────────┴─► Success │ Warning │ Error
        └──── any of them ─► Canceling ─► Canceled

A final status never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class SessionStatus(StrEnum):
    """The words of the contract (``JobStatus``)."""

    NEVER_EXECUTED = "NeverExecuted"
    PENDING = "Pending"
    RUNNING = "Running"
    RUNNING_WITH_WARNING = "RunningWithWarning"
    RUNNING_WITH_ERROR = "RunningWithError"
    CANCELING = "Canceling"
    SUCCESS = "Success"
    WARNING = "Warning"
    ERROR = "Error"
    CANCELED = "Canceled"


FINAL: Final = frozenset(
    {
        SessionStatus.SUCCESS,
        SessionStatus.WARNING,
        SessionStatus.ERROR,
        SessionStatus.CANCELED,
    }
)
SUCCEEDED: Final = frozenset({SessionStatus.SUCCESS, SessionStatus.WARNING})
"""What was to be done is done."""
ACTIVE: Final = frozenset(
    {
        SessionStatus.PENDING,
        SessionStatus.RUNNING,
        SessionStatus.RUNNING_WITH_WARNING,
        SessionStatus.RUNNING_WITH_ERROR,
        SessionStatus.CANCELING,
    }
)

MOVES: Final[Mapping[SessionStatus, frozenset[SessionStatus]]] = {
    SessionStatus.PENDING: frozenset(
        {SessionStatus.RUNNING, SessionStatus.CANCELING, SessionStatus.ERROR}
    ),
    SessionStatus.RUNNING: FINAL - {SessionStatus.CANCELED}
    | {
        SessionStatus.RUNNING_WITH_WARNING,
        SessionStatus.RUNNING_WITH_ERROR,
        SessionStatus.CANCELING,
    },
    SessionStatus.RUNNING_WITH_WARNING: FINAL - {SessionStatus.CANCELED}
    | {SessionStatus.RUNNING_WITH_ERROR, SessionStatus.CANCELING},
    SessionStatus.RUNNING_WITH_ERROR: FINAL - {SessionStatus.CANCELED} | {SessionStatus.CANCELING},
    SessionStatus.CANCELING: frozenset({SessionStatus.CANCELED}),
}
"""From each status, where it may go. ``Pending`` reaches ``Error`` when its work cannot begin.

A failed attempt may be repeated and succeed, so ``RunningWithError`` can still end ``Success``.
"""


def is_final(status: SessionStatus) -> bool:
    """Whether ``status`` never changes again."""
    return status in FINAL


def may_move(current: SessionStatus, to: SessionStatus) -> bool:
    """Whether a session in ``current`` may become ``to``."""
    return to in MOVES.get(current, frozenset())


def sources_of(to: SessionStatus) -> frozenset[SessionStatus]:
    """The statuses from which a session may become ``to``."""
    return frozenset(status for status, targets in MOVES.items() if to in targets)


def worsened(current: SessionStatus, result: SessionStatus) -> SessionStatus:
    """The status of a running session after one of its items or lines ended with ``result``."""
    wanted = {
        SessionStatus.WARNING: SessionStatus.RUNNING_WITH_WARNING,
        SessionStatus.ERROR: SessionStatus.RUNNING_WITH_ERROR,
    }.get(result, current)
    return wanted if may_move(current, wanted) else current


def add_up(
    items: Iterable[SessionStatus], *, warned: bool = False, failed: bool = False
) -> SessionStatus:
    """The result of a whole session from the last results of its items.

    ``warned`` and ``failed`` tell of things that concern no single item. One failed item makes
    the session ``Error`` even if all others succeeded (section 3).
    """
    results = set(items)
    if failed or SessionStatus.ERROR in results:
        return SessionStatus.ERROR
    if warned or SessionStatus.WARNING in results:
        return SessionStatus.WARNING
    return SessionStatus.SUCCESS


def final_status(current: SessionStatus, result: SessionStatus) -> SessionStatus:
    """How a session ends whose work came to ``result``: a session being stopped is ``Canceled``."""
    return SessionStatus.CANCELED if current is SessionStatus.CANCELING else result
