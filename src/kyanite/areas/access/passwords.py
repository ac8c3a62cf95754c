"""How passwords are kept and compared.

Hashes are argon2id with 64 MiB; a server that computed them without bound would be easy to
bring down. So only a part of the processors computes them, and only a few requests may wait for
one.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from kyanite.base.errors import TooManyAttempts

Compare = Callable[[str | None, str], bool]
"""`(hash, password)`: whether they belong together."""

# The API stays quick for others while somebody guesses.
_AT_A_TIME: Final = max(1, (os.cpu_count() or 1) // 2)
_MAX_WAITING: Final = 12
_LONGEST_WAIT_SECONDS: Final = 15.0
_RETRY_AFTER_SECONDS: Final = 2


class Passwords:
    """Hashes and checks passwords, a bounded number at a time. Thread-safe."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._computing = threading.BoundedSemaphore(_AT_A_TIME)
        self._places = threading.BoundedSemaphore(_AT_A_TIME + _MAX_WAITING)
        # Compared with when the user does not exist, so that the answer takes as long.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """The text to keep instead of the password."""
        with self.turn():
            return self._hasher.hash(password)

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the one that was hashed.

        Takes as long when there is no hash. Raises TooManyAttempts when too many wait.
        """
        with self.turn() as compare:
            return compare(password_hash, password)

    @contextmanager
    def turn(self) -> Iterator[Compare]:
        """A place in the bounded queue, then one of the few that compute: inside the block
        passwords are compared. Raises TooManyAttempts when too many wait."""
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            if not self._computing.acquire(timeout=_LONGEST_WAIT_SECONDS):
                raise _busy()
            try:
                yield self._compare
            finally:
                self._computing.release()
        finally:
            self._places.release()

    def _compare(self, password_hash: str | None, password: str) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobody, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
        return password_hash is not None


def _busy() -> TooManyAttempts:
    return TooManyAttempts("Too many sign-ins at a time; try again.", _RETRY_AFTER_SECONDS)
