"""The one error tree of Kyanite.

::

    KyaniteError
    ├── CallerError                      the caller can fix it
    │   ├── Invalid                      values that do not make sense; says which
    │   ├── Unauthenticated              no token, or one that is not (or no longer) good
    │   ├── Forbidden                    a good token without the right
    │   ├── NotFound
    │   ├── Conflict                     the state forbids it; names resource and session
    │   ├── UnsupportedMediaType
    │   ├── PointLocked                  a restore point that may not be deleted yet
    │   └── TooManyAttempts
    ├── AzureError                       Azure answered, and not with what was asked for
    │   ├── Throttled · Transient        may be repeated
    │   ├── Denied · Gone · QuotaExceeded · Rejected
    ├── EngineError                      the repository
    │   ├── WrongKey · Damaged · Missing · Locked · UnknownFormat · PointVoided
    ├── StorageError                     the place a repository lies in
    │   ├── ObjectExists · ObjectMissing · ObjectLocked · StorageDenied · StorageUnavailable
    ├── MoverLost                        the data mover ended without a result; repeat the work
    └── Interrupted                      the work stops here, by nobody's fault
        ├── Cancelled                    somebody asked for it
        └── LeaseLost                    somebody else has taken the work over

Each message says what happened, to what, and what to do next. Only ``http`` knows
status codes; nothing below it mentions HTTP statuses as answers to a client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class KyaniteError(Exception):
    """Anything Kyanite reports. The text is one sentence for a tired operator."""


class CallerError(KyaniteError):
    """The request cannot be carried out as it is; the caller can change it."""


class Invalid(CallerError):
    """Values that do not make sense. ``errors`` maps member names to sentences."""

    def __init__(self, message: str, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.errors: dict[str, list[str]] = {k: list(v) for k, v in (errors or {}).items()}

    @classmethod
    def member(cls, name: str, message: str) -> Invalid:
        """One wrong member of a request."""
        return cls(message, {name: [message]})


class Unauthenticated(CallerError):
    """No token, or one that is malformed, expired or revoked; or wrong credentials.

    ``retry_after_seconds``: guessing is slowed down; nothing is looked at before.
    """

    def __init__(self, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Forbidden(CallerError):
    """The caller is known and lacks the right."""


class NotFound(CallerError):
    """The named thing does not exist."""


class Conflict(CallerError):
    """The state of a resource forbids the request."""

    def __init__(
        self, message: str, *, resource_id: str | None = None, session_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.session_id = session_id


class UnsupportedMediaType(CallerError):
    """A body in a media type the operation does not take."""


class PointLocked(CallerError):
    """The restore point is immutable or in use and cannot be deleted now."""


class TooManyAttempts(CallerError):
    """Guessing is slowed down; come back after ``retry_after_seconds``."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class AzureError(KyaniteError):
    """Azure answered with an error.

    ``code`` is Azure's own error code, ``status`` the HTTP status of its answer (0 when
    there was none).
    """

    def __init__(self, message: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Throttled(AzureError):
    """Azure asks to come back later, after ``retry_after_seconds``."""

    def __init__(
        self, message: str, *, code: str = "", status: int = 429, retry_after_seconds: float = 1.0
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.retry_after_seconds = retry_after_seconds


class Transient(AzureError):
    """A failure of the moment: a dropped connection, a 5xx. Repeating may help."""


class Denied(AzureError):
    """The service account lacks a right, or its credentials are not accepted."""


class Gone(AzureError):
    """The Azure resource does not exist (any more)."""


class QuotaExceeded(AzureError):
    """A quota or limit of the subscription is used up."""


class Rejected(AzureError):
    """Azure refused the request for a reason that repeating will not change."""


class EngineError(KyaniteError):
    """Something about a repository."""


class WrongKey(EngineError):
    """The password or key does not open this repository."""


class Damaged(EngineError):
    """Stored bytes are not what was written."""


class Missing(EngineError):
    """An object that a restore point needs is not there."""


class Locked(EngineError):
    """The object may not be removed before its lock ends."""


class UnknownFormat(EngineError):
    """Not a repository, or one of a version this program does not read."""


class PointVoided(EngineError):
    """The session's point was voided by cleaning: the session cannot commit any more."""


class StorageError(KyaniteError):
    """Something about the place a repository lies in."""


class ObjectExists(StorageError):
    """An object of that name exists already; it was not changed."""


class ObjectMissing(StorageError):
    """There is no object of that name."""


class ObjectLocked(StorageError):
    """The storage keeps the object until its lock ends, whoever asks."""


class StorageDenied(StorageError):
    """The credential does not allow this, or has expired."""


class StorageUnavailable(StorageError):
    """The storage does not answer, or answers with a failure of the moment."""


class MoverLost(KyaniteError):
    """The data mover ended or fell silent without a result. Repeating the work may help."""


class Interrupted(KyaniteError):
    """The work ends here without being finished, and without a fault in it."""


class Cancelled(Interrupted):
    """Somebody asked for the work to stop."""


class LeaseLost(Interrupted):
    """Another process has taken this work over; what this one does counts no more."""
