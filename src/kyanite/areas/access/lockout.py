"""Who has guessed too often has to wait, longer each time; nothing is looked at meanwhile.

Counted under three names: the user from this address, the user from everywhere, the address.
Names of users that do not exist are counted like others. Somebody who guesses could so lock a
user out; therefore a user who has signed in from an address before is held back there only by
failures under this name from this address.

The counts are in the database: a restart forgives nothing, and several processes count together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.access import attempt_queries
from kyanite.areas.access.user_queries import name_key
from kyanite.base.clock import Clock
from kyanite.db.locks import lock
from kyanite.rules.lockout import (
    ADDRESS_RULE,
    USER_RULE,
    LockRule,
    after_failure,
    is_forgotten,
    seconds_left,
)

_LOCK: Final = "attempts to sign in"
_LONGEST_NAME: Final = 255
_MOST_NAMES: Final = 20_000
LOGIN_HISTORY: Final = timedelta(days=92)
MOST_FAILED_ATTEMPTS: Final = 50_000


@dataclass(frozen=True)
class Attempt:
    """Somebody says to be this user, from this address."""

    username: str
    address: str

    @property
    def name_key(self) -> str:
        return name_key(self.username)[:_LONGEST_NAME]

    @property
    def rules(self) -> dict[str, LockRule]:
        """The names under which its failure counts; the first is that of user and address."""
        return {
            f"user {self.name_key} from {self.address}": USER_RULE,
            f"user {self.name_key}": USER_RULE,
            f"address {self.address}": ADDRESS_RULE,
        }


class Lockout:
    """Counts failures. All methods are part of the caller's transaction."""

    def __init__(
        self,
        clock: Clock,
        *,
        most_failed_attempts: int = MOST_FAILED_ATTEMPTS,
        most_names: int = _MOST_NAMES,
    ) -> None:
        self._clock = clock
        self._most_failed_attempts = most_failed_attempts
        self._most_names = most_names

    def seconds_left(self, db: Session, attempt: Attempt) -> int:
        """How long this attempt has to wait before it is looked at; 0 if it has not to."""
        now, rules = self._clock.now(), attempt.rules
        known = attempt_queries.failures_of(db, rules)
        left = [
            0.0 if one is None or is_forgotten(rule, one, now) else seconds_left(one, now)
            for one, rule in ((known.get(name), rule) for name, rule in rules.items())
        ]
        if not any(left):
            return 0
        here, elsewhere = left[0], max(left[1:])
        if elsewhere > here and attempt_queries.has_signed_in_from(
            db, attempt.name_key, attempt.address
        ):
            return math.ceil(here)
        return math.ceil(max(here, elsewhere))

    def failed(self, db: Session, attempt: Attempt) -> int:
        """Count a failure; returns for how many seconds the next attempt has to wait."""
        now = self._clock.now()
        lock(db, _LOCK)
        known = attempt_queries.failures_of(db, attempt.rules)
        for name, rule in attempt.rules.items():
            attempt_queries.put_failures(db, name, after_failure(rule, known.get(name), now))
        self._remember(db, attempt, succeeded=False)
        memory = timedelta(seconds=USER_RULE.memory_seconds)
        attempt_queries.bound_failures(db, self._most_names, now - memory)
        attempt_queries.bound_attempts(db, self._most_failed_attempts)
        return self.seconds_left(db, attempt)

    def succeeded(self, db: Session, attempt: Attempt) -> None:
        """The user is who it says: its failures are forgotten, those of the address are not."""
        lock(db, _LOCK)
        attempt_queries.forget_failures(db, list(attempt.rules)[:2])
        self._remember(db, attempt, succeeded=True)
        attempt_queries.forget_attempts(db, self._clock.now() - LOGIN_HISTORY)

    def _remember(self, db: Session, attempt: Attempt, *, succeeded: bool) -> None:
        attempt_queries.add_attempt(
            db,
            self._clock.now(),
            attempt.username[:_LONGEST_NAME],
            attempt.name_key,
            attempt.address,
            succeeded=succeeded,
        )
