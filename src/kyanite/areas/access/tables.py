"""Users, their second factors, their sign-ins, the tokens of those, and failed attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from kyanite.db.tables import Base, Json, UtcDateTime


class UserRow(Base):
    """One user. `name_key` is the name without regard to case; it is unique.

    `mfa_secret` is sealed; with it the second factor is asked for. `mfa_last_step` is the time
    step of the last code that was used, which is good for nothing any more.
    """

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str]
    role: Mapped[str]
    type: Mapped[str]
    identity_provider_entity_id: Mapped[str | None]
    password_hash: Mapped[str | None]
    mfa_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    mfa_last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    is_default: Mapped[bool]
    news_shown: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecoveryCodeRow(Base):
    """One code that stands for the second factor once; only its MAC is kept."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    code_mac: Mapped[str] = mapped_column(primary_key=True)


class MfaEnrolmentRow(Base):
    """A second factor that was offered to a user and is not accepted yet."""

    __tablename__ = "mfa_enrolments"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    token_hash: Mapped[str]
    code_macs: Mapped[Any] = mapped_column(Json)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignInRow(Base):
    """One sign-in: the family of all tokens that were issued from one proof of identity.

    Revoking it makes all of them worthless at once.
    """

    __tablename__ = "sign_ins"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    short_lived: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TokenRow(Base):
    """One token, known by its SHA-256 only: a stolen database signs nobody in."""

    __tablename__ = "tokens"
    __table_args__ = (Index("ix_tokens_expires_at", "expires_at"),)

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    sign_in_id: Mapped[str] = mapped_column(
        ForeignKey("sign_ins.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str]
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoginAttemptRow(Base):
    """Who tried to sign in, and whether it was let in. Kept for three months."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("ix_login_attempts_name_key_address", "name_key", "address", "succeeded"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    username: Mapped[str]
    name_key: Mapped[str]
    address: Mapped[str]
    succeeded: Mapped[bool]


class SignInLockRow(Base):
    """Failures under one name: a user, a user from one address, or an address."""

    __tablename__ = "sign_in_locks"

    name: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    locked_until: Mapped[datetime] = mapped_column(UtcDateTime)
