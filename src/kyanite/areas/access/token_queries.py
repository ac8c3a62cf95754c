"""Every SQL statement about sign-ins and their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from kyanite.areas.access.tables import SignInRow, TokenRow, UserRow
from kyanite.db.reading import read


@dataclass(frozen=True)
class FoundToken:
    """A token that is known here, with its family and its owner."""

    token: TokenRow
    sign_in: SignInRow
    user: UserRow


def find_token(
    db: Session, token_hash: str, kind: str, *, for_change: bool = False
) -> FoundToken | None:
    """The token of that kind; with `for_change` nobody else uses it until we are done."""
    statement = (
        select(TokenRow, SignInRow, UserRow)
        .join(SignInRow, SignInRow.id == TokenRow.sign_in_id)
        .join(UserRow, UserRow.id == SignInRow.user_id)
        .where(TokenRow.token_hash == token_hash, TokenRow.kind == kind)
    )
    if for_change:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = db.execute(statement).one_or_none()
    return FoundToken(*row) if row else None


@dataclass(frozen=True)
class TokenOwner:
    """What every request has to know of its access token."""

    expires_at: datetime
    sign_in_id: str
    revoked_at: datetime | None
    user_id: str
    username: str
    role: str


def owner_of(db: Session, token_hash: str, kind: str) -> TokenOwner | None:
    """Whose token it is. Asked with every request, so only what is needed is read."""
    row = read(db, _OWNER, token_hash=token_hash, kind=kind).one_or_none()
    return TokenOwner(*row) if row else None


_TOKEN, _SIGN_IN, _USER = (row.__table__.c for row in (TokenRow, SignInRow, UserRow))
_OWNER: Final = select(
    _TOKEN.expires_at, _SIGN_IN.id, _SIGN_IN.revoked_at, _USER.id, _USER.name, _USER.role
).where(
    _SIGN_IN.id == _TOKEN.sign_in_id,
    _USER.id == _SIGN_IN.user_id,
    _TOKEN.token_hash == bindparam("token_hash"),
    _TOKEN.kind == bindparam("kind"),
)


def add_sign_in(db: Session, row: SignInRow) -> None:
    """Begin a family of tokens."""
    db.add(row)
    db.flush()


def add_token(db: Session, row: TokenRow) -> None:
    """Add a token to its family."""
    db.add(row)


def end_sign_in(db: Session, sign_in_id: str, now: datetime) -> None:
    """Make all tokens of a family worthless."""
    db.execute(
        update(SignInRow)
        .where(SignInRow.id == sign_in_id, SignInRow.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def end_sign_ins_of(db: Session, user_id: str, now: datetime) -> None:
    """Make all tokens of a user worthless."""
    db.execute(
        update(SignInRow)
        .where(SignInRow.user_id == user_id, SignInRow.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def forget_expired(db: Session, now: datetime) -> None:
    """Drop tokens that have expired a day ago, and families without any token."""
    db.execute(delete(TokenRow).where(TokenRow.expires_at < now - timedelta(days=1)))
    has_tokens = select(TokenRow.token_hash).where(TokenRow.sign_in_id == SignInRow.id)
    db.execute(delete(SignInRow).where(~has_tokens.exists()))
