"""Changing passwords: the own one, and an administrator that of somebody else
(docs/behaviour/accounts-and-users.md §4.4).

Both have to prove that they know a password first. That is looked up and compared before the
transaction of the request begins; wrong ones count as failures to sign in.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from kyanite.areas.access import token_queries, user_queries
from kyanite.areas.access.lockout import Attempt, Lockout
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.users import USER_TYPE_PROVIDER
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.db.database import Database
from kyanite.http.rights import Principal
from kyanite.rules.passwords import require_good


class PasswordChanges:
    """Thread-safe."""

    def __init__(
        self, database: Database, passwords: Passwords, lockout: Lockout, clock: Clock
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._lockout = lockout
        self._clock = clock

    def change_own(
        self, db: Session, principal: Principal, *, current: str, new: str, address: str
    ) -> None:
        """Change the caller's password. Raises Invalid: `currentPassword`, `newPassword`."""
        require_good(new, "newPassword", [principal.username])
        with self._database.reading() as reading:
            user = user_queries.by_id(reading, principal.user_id)
        if user is None or user.type == USER_TYPE_PROVIDER:
            raise Invalid("A user of an identity provider has no password here.")
        attempt = Attempt(principal.username, address)
        self._require_proof(attempt, [user.password_hash], current, "currentPassword")
        self._set(db, principal.user_id, new, expected=user.password_hash)

    def change_of(
        self,
        db: Session,
        principal: Principal,
        user_id: str,
        *,
        proof: str,
        new: str,
        address: str,
    ) -> None:
        """Change somebody's password; `proof` is that of the calling administrator, or that of
        the first one. Raises Invalid: `adminsPassword`, `newPassword`, `userId`."""
        with self._database.reading() as reading:
            user = user_queries.by_id(reading, user_id)
            caller = user_queries.by_id(reading, principal.user_id)
            first = user_queries.default_administrator(reading)
        require_good(new, "newPassword", [user.name] if user else [])
        if user is None:
            raise Invalid.member("userId", f"There is no user {user_id}.")
        if user.type == USER_TYPE_PROVIDER:
            raise Invalid.member("userId", "A user of an identity provider has no password here.")
        hashes = {row.id: row.password_hash for row in (first, caller) if row}
        attempt = Attempt(principal.username, address)
        self._require_proof(attempt, list(hashes.values()), proof, "adminsPassword")
        self._set(db, user_id, new, expected=user.password_hash)

    def _require_proof(
        self, attempt: Attempt, hashes: Sequence[str | None], password: str, member: str
    ) -> None:
        with self._database.reading() as db:
            seconds = self._lockout.seconds_left(db, attempt)
        if seconds:
            words = f"After too many wrong passwords, try again in {seconds} seconds."
            raise Invalid.member(member, words)
        with self._passwords.turn() as compare:
            if any(compare(one, password) for one in hashes):
                return
            with self._database.writing() as db:
                self._lockout.failed(db, attempt)
        raise Invalid.member(member, "The password is wrong.")

    def _set(self, db: Session, user_id: str, password: str, *, expected: str | None) -> None:
        password_hash = self._passwords.hash(password)
        row = user_queries.by_id_for_change(db, user_id)
        if row is None or row.password_hash != expected:
            raise Invalid("The user was changed by somebody else meanwhile.")
        row.password_hash = password_hash
        token_queries.end_sign_ins_of(db, user_id, self._clock.now())
        db.flush()
