"""What an error means for a job: the only place that turns one into retry, failure or an end.

A value, not control flow: the worker carries the decision out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from kyanite.base.errors import (
    Cancelled,
    KyaniteError,
    LeaseLost,
    MoverLost,
    StorageUnavailable,
    Throttled,
    Transient,
)
from kyanite.db.database import DATABASE_AWAY

# The adapters repeat single requests by themselves for a minute or two. Whole jobs are repeated
# a few times more, with pauses that outlast a short outage.
RETRY_SECONDS: Final = (5.0, 20.0, 60.0)

UNEXPECTED: Final = (
    "an unexpected error stopped the work; the program log of the appliance has the details"
)

_PASSING: Final = (
    Throttled,
    Transient,
    StorageUnavailable,
    MoverLost,
    *DATABASE_AWAY,
)


@dataclass(frozen=True)
class Retry:
    """Do the job again after ``after_seconds``; finished steps are not repeated."""

    after_seconds: float
    message: str


@dataclass(frozen=True)
class Fail:
    """The job has failed. ``unexpected``: a fault of ours, its trace belongs in the program log."""

    message: str
    unexpected: bool = False


@dataclass(frozen=True)
class Cancel:
    """Somebody asked for it."""


@dataclass(frozen=True)
class Abandon:
    """The job belongs to somebody else now: write nothing."""


Decision: TypeAlias = Retry | Fail | Cancel | Abandon


def decide(error: Exception, retries: int) -> Decision:
    """What ``error`` means for a job that has been retried ``retries`` times."""
    if isinstance(error, LeaseLost):
        return Abandon()
    if isinstance(error, Cancelled):
        return Cancel()
    if isinstance(error, _PASSING) and retries < len(RETRY_SECONDS):
        return Retry(RETRY_SECONDS[retries], _sentence(error))
    if isinstance(error, (KyaniteError, *_PASSING)):
        return Fail(_sentence(error))
    return Fail(f"{UNEXPECTED} ({type(error).__name__})", unexpected=True)


def _sentence(error: Exception) -> str:
    if isinstance(error, KyaniteError):
        return str(error) or type(error).__name__
    # The text of a driver's error can hold values of the statement: not for people's eyes.
    return "the database of the appliance did not answer; it is asked again"
