"""Tokens (docs/behaviour/api-conventions.md §3, docs/behaviour/rulings.md).

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

from sqlalchemy.orm import Session

from kyanite.areas.access import token_queries
from kyanite.areas.access.tables import SignInRow, TokenRow, UserRow
from kyanite.base.clock import Clock
from kyanite.base.errors import Unauthenticated
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.http.audit import Actor, AuditEvent, AuditTrail
from kyanite.http.rights import Principal, Role

GRACE = timedelta(seconds=30)


class TokenKind(Enum):
    """A refresh token is no bearer token, and a bearer token refreshes nothing."""

    ACCESS = "access"
    REFRESH = "refresh"
    SECOND_FACTOR = "second factor"


@dataclass(frozen=True)
class Lifetimes:
    """How long tokens are good for (docs/behaviour/api-conventions.md §3.3)."""

    access_seconds: int = 3600
    refresh_seconds: int = 14 * 24 * 3600
    short_refresh_seconds: int = 3600
    second_factor_seconds: int = 300


@dataclass(frozen=True)
class SignedInUser:
    """Who has signed in, or has half done so."""

    user_id: str
    username: str
    role: str
    user_type: str
    news_shown: bool

    @classmethod
    def of(cls, user: UserRow) -> SignedInUser:
        return cls(user.id, user.name, user.role, user.type, user.news_shown)


@dataclass(frozen=True)
class TokenPair:
    """What a sign-in or a refresh gives. `repr` shows no token."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    issued_at: datetime
    access_seconds: int
    short_lived: bool
    user: SignedInUser


@dataclass(frozen=True)
class SecondFactorNeeded:
    """The password was right; a code is asked for. `repr` shows no token."""

    token: str = field(repr=False)
    short_lived: bool
    user: SignedInUser


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class Tokens:
    """Issues, reads, rotates and revokes tokens. Thread-safe."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit: AuditTrail,
        lifetimes: Lifetimes | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._lifetimes = lifetimes or Lifetimes()

    def begin(self, db: Session, user: UserRow, *, short_lived: bool) -> SignInRow:
        """Begin a family of tokens for a user."""
        token_queries.forget_expired(db, self._clock.now())
        sign_in = SignInRow(
            id=new_id(), user_id=user.id, short_lived=short_lived, created_at=self._clock.now()
        )
        token_queries.add_sign_in(db, sign_in)
        return sign_in

    def issue(self, db: Session, sign_in: SignInRow, user: UserRow) -> TokenPair:
        """A new pair of the family."""
        lifetimes = self._lifetimes
        refresh_seconds = (
            lifetimes.short_refresh_seconds if sign_in.short_lived else lifetimes.refresh_seconds
        )
        return TokenPair(
            access=self._add(db, sign_in, TokenKind.ACCESS, lifetimes.access_seconds),
            refresh=self._add(db, sign_in, TokenKind.REFRESH, refresh_seconds),
            issued_at=self._clock.now(),
            access_seconds=lifetimes.access_seconds,
            short_lived=sign_in.short_lived,
            user=SignedInUser.of(user),
        )

    def ask_second_factor(
        self, db: Session, sign_in: SignInRow, user: UserRow
    ) -> SecondFactorNeeded:
        """A token that is good for the second step of this sign-in, and for nothing else."""
        seconds = self._lifetimes.second_factor_seconds
        token = self._add(db, sign_in, TokenKind.SECOND_FACTOR, seconds)
        return SecondFactorNeeded(token, sign_in.short_lived, SignedInUser.of(user))

    def find(
        self, db: Session, token: str, kind: TokenKind, *, for_change: bool = False
    ) -> token_queries.FoundToken | None:
        """A token that has not expired, of a family that is not revoked."""
        found = token_queries.find_token(db, token_hash(token), kind.value, for_change=for_change)
        if found is None or found.sign_in.revoked_at is not None:
            return None
        return found if found.token.expires_at > self._clock.now() else None

    def refresh(self, token: str, address: str = "") -> TokenPair:
        """A new pair for a refresh token; Unauthenticated if it is not good (any more)."""
        with self._database.reading() as db:
            is_known = self.find(db, token, TokenKind.REFRESH) is not None
        if is_known:  # else the database is not kept from others for a guess
            with self._database.writing() as db:
                pair = self._rotate(db, token, address)
            if pair is not None:
                return pair
        raise Unauthenticated("The refresh token is not valid (any more); sign in again.")

    def _rotate(self, db: Session, token: str, address: str) -> TokenPair | None:
        now = self._clock.now()
        found = self.find(db, token, TokenKind.REFRESH, for_change=True)
        if found is None:
            return None
        rotated_at = found.token.rotated_at
        if rotated_at is None or now - rotated_at <= GRACE:
            found.token.rotated_at = rotated_at or now
            return self.issue(db, found.sign_in, found.user)
        token_queries.end_sign_in(db, found.sign_in.id, now)
        user = found.user
        actor = Actor(user.id, user.name, user.role, address)
        words = "a rotated refresh token was used again; all tokens of its sign-in are revoked"
        self._audit.append(db, AuditEvent(actor, "RefreshTokenReused", user.id, 401, words))
        return None

    def principal(self, db: Session, token: str) -> Principal:
        """Who an access token belongs to; Unauthenticated if it is not good (any more)."""
        owner = token_queries.owner_of(db, token_hash(token), TokenKind.ACCESS.value)
        if owner is None or owner.revoked_at is not None or owner.expires_at <= self._clock.now():
            raise Unauthenticated("The token is not valid (any more); sign in again.")
        return Principal(owner.user_id, owner.username, Role(owner.role), owner.sign_in_id)

    def sign_out(self, db: Session, principal: Principal) -> None:
        """Make the tokens of this sign-in worthless."""
        token_queries.end_sign_in(db, principal.session_id, self._clock.now())

    def _add(self, db: Session, sign_in: SignInRow, kind: TokenKind, seconds: int) -> str:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        row = TokenRow(
            token_hash=token_hash(token),
            sign_in_id=sign_in.id,
            kind=kind.value,
            issued_at=now,
            expires_at=now + timedelta(seconds=seconds),
        )
        token_queries.add_token(db, row)
        return token
