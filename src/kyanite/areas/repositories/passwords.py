"""Is this the password of a repository? Guesses are slowed down.

docs/behaviour/repositories.md, section 10.1; api-conventions.md, section 11.
"""

from __future__ import annotations

import hmac
import threading

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import RepositoryFacts, from_row
from kyanite.areas.repositories.repositories import Repositories, place
from kyanite.base.clock import Clock
from kyanite.base.errors import WrongKey
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.engine.repository import Repository as EngineRepository
from kyanite.http.rate_limits import AttemptLimit


class RepositoryPasswords:
    """Checks passwords. Thread-safe.

    One check at a time: each takes 64 MiB by design, and nobody gets more guesses by asking
    in parallel.
    """

    def __init__(
        self, database: Database, secrets: SecretBox, access: Repositories, clock: Clock
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._access = access
        self._limit = AttemptLimit(clock)
        self._one_at_a_time = threading.Lock()

    def require_attempts(self, repository_id: str) -> None:
        """Raise ``TooManyAttempts`` after too many wrong passwords."""
        self._limit.check(repository_id.lower())

    def has_password(self, repository_id: str) -> bool:
        """Whether the repository is encrypted by a password. Raises ``NotFound``."""
        with self._database.reading() as db:
            return self._access.facts(db, repository_id).encryption_method == "Password"

    def check(self, repository_id: str, password: str) -> bool | None:
        """Whether ``password`` opens the repository; ``None`` when it is not encrypted
        by one.

        Raises ``NotFound``, ``TooManyAttempts``, and what storage and Azure raise.
        """
        with self._database.reading() as db:
            row = queries.get_row(db, repository_id)
            own, exists = from_row(row), row.engine_repository_id is not None
            pending = row.pending_password_sealed
        if own.encryption_method != "Password":
            return None
        with self._one_at_a_time:
            self._limit.check(own.id)
            if exists:
                right = bool(password) and self._opens(own, password)
            elif pending is not None:  # still being created
                expected = self._secrets.open(pending, row_id=own.id)
                right = hmac.compare_digest(expected, password.encode())
            else:
                right = False
            if right:
                self._limit.succeeded(own.id)
            else:
                self._limit.failed(own.id)
        return right

    def _opens(self, own: RepositoryFacts, password: str) -> bool:
        storage = self._access.storage(place(own))
        try:
            return self._access.unlocking.open(own.id, storage).check_password(password)
        except WrongKey:  # somebody else has changed the keys; the password may be the new one
            pass
        try:
            self._access.unlocking.open_with(
                own.id, lambda: EngineRepository.open(storage, password)
            )
        except WrongKey:
            return False
        return True
