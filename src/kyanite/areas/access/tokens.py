"""Sign-ins and tokens (docs/behaviour/api-conventions.md §3, docs/behaviour/rulings.md).

Tokens are 256 random bits; the database keeps their SHA-256. So nothing can be forged, a token
is revoked the moment its row says so, and all survive a restart.

Refresh tokens rotate: a presented one stays good for half a minute more, for clients whose
answer got lost. Presented after that, it was stolen or copied, and the whole family of tokens
is revoked.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kyanite.areas.access import users
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.tables import LoginAttemptRow, SignInRow, TokenRow, UserRow
from kyanite.base.clock import Clock
from kyanite.base.errors import Unauthenticated
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.http.rights import Principal, Role

GRACE = timedelta(seconds=30)
LOGIN_HISTORY = timedelta(days=92)
MOST_LOGIN_ATTEMPTS = 50_000


class TokenKind(Enum):
    """A refresh token is no bearer token, and a bearer token refreshes nothing."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True)
class Lifetimes:
    """How long tokens are good for (docs/behaviour/api-conventions.md §3.3)."""

    access_seconds: int = 3600
    refresh_seconds: int = 14 * 24 * 3600
    short_refresh_seconds: int = 3600


@dataclass(frozen=True)
class TokenPair:
    """What a sign-in or a refresh gives. `repr` shows no token."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    issued_at: datetime
    access_seconds: int
    short_lived: bool
    user_id: str
    username: str
    role: str
    user_type: str
    news_shown: bool


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """Issues, reads, rotates and revokes tokens. Thread-safe."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        clock: Clock,
        lifetimes: Lifetimes | None = None,
        most_attempts: int = MOST_LOGIN_ATTEMPTS,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock
        self._lifetimes = lifetimes or Lifetimes()
        self._most_attempts = most_attempts

    def sign_in(self, username: str, password: str, *, short_lived: bool) -> TokenPair:
        """Tokens for a name and a password; Unauthenticated, without saying which was wrong."""
        with self._database.reading() as db:
            row = users.find(db, username)
            stored = row.password_hash if row else None
        good = self._passwords.matches(stored, password)
        with self._database.writing() as db:
            self._record_attempt(db, username, succeeded=good)
            user = db.get(UserRow, row.id) if row else None
            # Not if the password was changed while it was being compared.
            if good and user is not None and user.password_hash == stored:
                sign_in = SignInRow(
                    id=new_id(),
                    user_id=user.id,
                    short_lived=short_lived,
                    created_at=self._clock.now(),
                )
                db.add(sign_in)
                db.flush()
                return self._issue(db, sign_in, user)
        raise Unauthenticated("The user name or the password is wrong.")

    def refresh(self, token: str) -> TokenPair:
        """A new pair for a refresh token; Unauthenticated if it is not good (any more)."""
        now = self._clock.now()
        with self._database.writing() as db:
            row = db.scalar(
                select(TokenRow)
                .where(
                    TokenRow.token_hash == token_hash(token),
                    TokenRow.kind == TokenKind.REFRESH.value,
                )
                .with_for_update()
            )
            sign_in = db.get(SignInRow, row.sign_in_id) if row else None
            if row and sign_in and sign_in.revoked_at is None and row.expires_at > now:
                if row.rotated_at is None or now - row.rotated_at <= GRACE:
                    row.rotated_at = row.rotated_at or now
                    user = users.get(db, sign_in.user_id)
                    return self._issue(db, sign_in, user)
                sign_in.revoked_at = now
        raise Unauthenticated("The refresh token is not valid (any more); sign in again.")

    def principal(self, token: str) -> Principal:
        """Who an access token belongs to; Unauthenticated if it is not good (any more)."""
        with self._database.reading() as db:
            found = db.execute(
                select(TokenRow.expires_at, SignInRow.id, SignInRow.revoked_at, UserRow)
                .join(SignInRow, SignInRow.id == TokenRow.sign_in_id)
                .join(UserRow, UserRow.id == SignInRow.user_id)
                .where(
                    TokenRow.token_hash == token_hash(token),
                    TokenRow.kind == TokenKind.ACCESS.value,
                )
            ).one_or_none()
        if found is None or found[2] is not None or found[0] <= self._clock.now():
            raise Unauthenticated("The token is not valid (any more); sign in again.")
        user = found[3]
        return Principal(user.id, user.name, Role(user.role), found[1])

    def sign_out(self, db: Session, principal: Principal) -> None:
        """Make the tokens of this sign-in worthless."""
        sign_in = db.get(SignInRow, principal.session_id)
        if sign_in is not None and sign_in.revoked_at is None:
            sign_in.revoked_at = self._clock.now()

    def _issue(self, db: Session, sign_in: SignInRow, user: UserRow) -> TokenPair:
        now = self._clock.now()
        refresh_seconds = (
            self._lifetimes.short_refresh_seconds
            if sign_in.short_lived
            else self._lifetimes.refresh_seconds
        )
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        for token, kind, seconds in (
            (access, TokenKind.ACCESS, self._lifetimes.access_seconds),
            (refresh, TokenKind.REFRESH, refresh_seconds),
        ):
            db.add(
                TokenRow(
                    token_hash=token_hash(token),
                    sign_in_id=sign_in.id,
                    kind=kind.value,
                    issued_at=now,
                    expires_at=now + timedelta(seconds=seconds),
                )
            )
        return TokenPair(
            access=access,
            refresh=refresh,
            issued_at=now,
            access_seconds=self._lifetimes.access_seconds,
            short_lived=sign_in.short_lived,
            user_id=user.id,
            username=user.name,
            role=user.role,
            user_type=user.type,
            news_shown=user.news_shown,
        )

    def _record_attempt(self, db: Session, username: str, *, succeeded: bool) -> None:
        now = self._clock.now()
        db.add(LoginAttemptRow(id=new_id(), at=now, username=username[:255], succeeded=succeeded))
        if succeeded:
            self._forget_expired(db)
        else:
            self._bound_history(db)

    def _bound_history(self, db: Session) -> None:
        """Drop the oldest attempts: anybody can make failed ones, and they must not fill a disk."""
        oldest_kept = db.scalar(
            select(LoginAttemptRow.id)
            .order_by(LoginAttemptRow.id.desc())
            .offset(self._most_attempts)
            .limit(1)
        )
        if oldest_kept is not None:
            db.execute(delete(LoginAttemptRow).where(LoginAttemptRow.id <= oldest_kept))

    def _forget_expired(self, db: Session) -> None:
        """Drop what nobody needs any more. Sign-ins are rare: a good moment."""
        now = self._clock.now()
        db.execute(delete(TokenRow).where(TokenRow.expires_at < now - timedelta(days=1)))
        has_tokens = select(TokenRow.token_hash).where(TokenRow.sign_in_id == SignInRow.id)
        db.execute(delete(SignInRow).where(~has_tokens.exists()))
        db.execute(delete(LoginAttemptRow).where(LoginAttemptRow.at < now - LOGIN_HISTORY))
