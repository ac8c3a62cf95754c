"""Passwords: which are good enough, how they are kept, how they are compared.

Hashes are argon2id with 64 MiB; a server that computed them without bound would be easy to
bring down, so at most two are computed at a time, and only a few requests may wait for one.
"""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from kyanite.base.errors import Invalid, TooManyAttempts

MIN_LENGTH = 12
MAX_LENGTH = 72
_KINDS_NEEDED = 3
_AT_A_TIME = 2
_MAX_WAITING = 12
_LONGEST_WAIT_SECONDS = 15.0


def weakness(password: str) -> str | None:
    """What is wrong with a new password, as a sentence; None if nothing is.

    The rule for Azure machines (docs/behaviour/accounts-and-users.md §4.4).
    """
    kinds = (
        any(one.islower() for one in password),
        any(one.isupper() for one in password),
        any(one.isdigit() for one in password),
        any(not one.isalnum() for one in password),
    )
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters."
    if sum(kinds) < _KINDS_NEEDED:
        return (
            "A password has three of these: lower case letters, upper case letters, digits, "
            "special characters."
        )
    return None


def require_good(password: str, member: str) -> None:
    """Raise Invalid naming `member` unless the password is good enough."""
    wrong = weakness(password)
    if wrong is not None:
        raise Invalid.member(member, wrong)


class Passwords:
    """Hashes and checks passwords, a bounded number at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._computing = threading.BoundedSemaphore(_AT_A_TIME)
        self._places = threading.BoundedSemaphore(_AT_A_TIME + _MAX_WAITING)
        # Compared with when the user does not exist, so that the answer takes as long.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """The text to keep instead of the password."""
        with _Turn(self._places, self._computing):
            return self._hasher.hash(password)

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the one that was hashed.

        Takes as long when there is no hash. Raises TooManyAttempts when too many wait.
        """
        with _Turn(self._places, self._computing):
            try:
                self._hasher.verify(password_hash or self._nobody, password)
            except (VerifyMismatchError, VerificationError, InvalidHashError):
                return False
        return password_hash is not None


class _Turn:
    """A place in the bounded queue, then one of the places at work."""

    def __init__(self, places: threading.Semaphore, computing: threading.Semaphore) -> None:
        self._places = places
        self._computing = computing

    def __enter__(self) -> None:
        if not self._places.acquire(blocking=False):
            raise TooManyAttempts("Too many sign-ins at a time; try again.", 2)
        if not self._computing.acquire(timeout=_LONGEST_WAIT_SECONDS):
            self._places.release()
            raise TooManyAttempts("Too many sign-ins at a time; try again.", 2)

    def __exit__(self, *_: object) -> None:
        self._computing.release()
        self._places.release()
