"""Signing in: a password, and a second factor for those who have one.

What fails is told alike and takes as long, whatever was wrong; who fails too often has to wait
(`lockout`). Each attempt is in the login history, those that concern a user in the audit log.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from kyanite.areas.access import user_queries
from kyanite.areas.access.lockout import Attempt, Lockout
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.second_factor import SecondFactor
from kyanite.areas.access.tables import UserRow
from kyanite.areas.access.tokens import SecondFactorNeeded, TokenKind, TokenPair, Tokens
from kyanite.base.errors import TooManyAttempts, Unauthenticated
from kyanite.db.database import Database
from kyanite.http.audit import Actor, AuditEvent, AuditTrail

_WRONG = "The user name or the password is wrong."
_WRONG_CODE = "The code is wrong, or was used before."
_WRONG_TOKEN = "The token of the first step is not valid (any more); sign in again."


class SignIns:
    """The ways to sign in. Thread-safe."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        tokens: Tokens,
        second_factor: SecondFactor,
        lockout: Lockout,
        audit: AuditTrail,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens
        self._second_factor = second_factor
        self._lockout = lockout
        self._audit = audit

    def with_password(
        self, username: str, password: str, *, short_lived: bool = False, address: str = ""
    ) -> TokenPair | SecondFactorNeeded:
        """Tokens for a name and a password; Unauthenticated, without saying which was wrong."""
        attempt = Attempt(username, address)
        self._require_no_lock(attempt)
        try:
            with self._passwords.turn() as compare:
                # Attempts at the same time are counted one after the other.
                self._require_no_lock(attempt)
                with self._database.reading() as db:
                    row = user_queries.find(db, username)
                stored = row.password_hash if row else None
                good = compare(stored, password)
                with self._database.writing() as db:
                    answer = self._after_password(
                        db, attempt, row, is_good=good, short_lived=short_lived
                    )
        except TooManyAttempts as busy:
            raise Unauthenticated(str(busy), busy.retry_after_seconds) from busy
        if answer is None:
            raise Unauthenticated(_WRONG)
        return answer

    def _after_password(
        self,
        db: Session,
        attempt: Attempt,
        compared: UserRow | None,
        *,
        is_good: bool,
        short_lived: bool,
    ) -> TokenPair | SecondFactorNeeded | None:
        user = user_queries.by_id_for_change(db, compared.id) if compared else None
        # Not if the password was changed while it was being compared.
        unchanged = user and compared and user.password_hash == compared.password_hash
        if not (is_good and user and unchanged):
            self._failed(db, attempt, user, "a wrong password")
            return None
        sign_in = self._tokens.begin(db, user, short_lived=short_lived)
        if user.mfa_secret is not None:
            # Not a success yet: whoever knows a password only must not make guesses at codes free.
            return self._tokens.ask_second_factor(db, sign_in, user)
        pair = self._tokens.issue(db, sign_in, user)
        self._succeeded(db, attempt, user)
        return pair

    def with_code(self, token: str, code: str, *, address: str = "") -> TokenPair:
        """Tokens for the second step; Unauthenticated when token or code are not good."""
        with self._database.reading() as db:
            found = self._tokens.find(db, token, TokenKind.SECOND_FACTOR)
        if found is None:
            raise Unauthenticated(_WRONG_TOKEN)
        attempt = Attempt(found.user.name, address)
        self._require_no_lock(attempt)
        with self._database.writing() as db:
            user = user_queries.by_id_for_change(db, found.user.id)
            step = self._tokens.find(db, token, TokenKind.SECOND_FACTOR, for_change=True)
            if user is None or step is None or step.token.rotated_at is not None:
                pair, words = None, _WRONG_TOKEN
            elif self._lockout.seconds_left(db, attempt):
                pair, words = None, _WRONG_CODE
            elif not self._second_factor.is_good(db, user, code):
                pair, words = None, _WRONG_CODE
                self._failed(db, attempt, user, "a wrong code")
            else:
                step.token.rotated_at = step.token.issued_at  # good for one sign-in
                pair, words = self._tokens.issue(db, step.sign_in, user), ""
                self._succeeded(db, attempt, user)
        if pair is None:
            raise Unauthenticated(words)
        return pair

    def _require_no_lock(self, attempt: Attempt) -> None:
        with self._database.reading() as db:
            seconds = self._lockout.seconds_left(db, attempt)
        if seconds:
            words = f"{_WRONG} After too many failures nothing is looked at for {seconds} seconds."
            raise Unauthenticated(words, seconds)

    def _succeeded(self, db: Session, attempt: Attempt, user: UserRow) -> None:
        self._lockout.succeeded(db, attempt)
        self._audit.append(db, AuditEvent(_actor(user, attempt), "SignIn", user.id, 200))

    def _failed(self, db: Session, attempt: Attempt, user: UserRow | None, what: str) -> None:
        seconds = self._lockout.failed(db, attempt)
        if user is not None:
            words = f"{what}; locked for {seconds} seconds" if seconds else what
            event = AuditEvent(_actor(user, attempt), "SignIn", user.id, 401, words)
            self._audit.append(db, event)


def _actor(user: UserRow, attempt: Attempt) -> Actor:
    return Actor(user.id, user.name, user.role, attempt.address)
