"""Every SQL statement about attempts to sign in, and the locks that failed ones lead to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kyanite.areas.access.tables import LoginAttemptRow, SignInLockRow
from kyanite.base.identifiers import new_id
from kyanite.rules.lockout import Failures


def add_attempt(
    db: Session, now: datetime, username: str, name_key: str, address: str, *, succeeded: bool
) -> None:
    """Remember an attempt."""
    db.add(
        LoginAttemptRow(
            id=new_id(),
            at=now,
            username=username,
            name_key=name_key,
            address=address,
            succeeded=succeeded,
        )
    )
    db.flush()


def has_signed_in_from(db: Session, name_key: str, address: str) -> bool:
    """Whether the user has signed in from this address before."""
    statement = select(LoginAttemptRow.id).where(
        LoginAttemptRow.name_key == name_key,
        LoginAttemptRow.address == address,
        LoginAttemptRow.succeeded,
    )
    return db.scalar(statement.limit(1)) is not None


def bound_attempts(db: Session, most: int) -> None:
    """Drop the oldest failed attempts above that number: anybody can make them, and they must
    not fill a disk."""
    failed = select(LoginAttemptRow.id).where(~LoginAttemptRow.succeeded)
    oldest_kept = db.scalar(failed.order_by(LoginAttemptRow.id.desc()).offset(most).limit(1))
    if oldest_kept is not None:
        db.execute(
            delete(LoginAttemptRow).where(
                LoginAttemptRow.id <= oldest_kept, ~LoginAttemptRow.succeeded
            )
        )


def forget_attempts(db: Session, before: datetime) -> None:
    """Drop attempts older than that."""
    db.execute(delete(LoginAttemptRow).where(LoginAttemptRow.at < before))


def failures_of(db: Session, names: Collection[str]) -> Mapping[str, Failures]:
    """What is remembered under these names."""
    rows = db.scalars(select(SignInLockRow).where(SignInLockRow.name.in_(names)))
    return {row.name: Failures(row.failures, row.last_failed_at, row.locked_until) for row in rows}


def put_failures(db: Session, name: str, failures: Failures) -> None:
    """Remember failures under a name."""
    db.merge(
        SignInLockRow(
            name=name,
            failures=failures.count,
            last_failed_at=failures.last_at,
            locked_until=failures.locked_until,
        )
    )
    db.flush()


def forget_failures(db: Session, names: Collection[str]) -> None:
    """Forget what is remembered under these names."""
    db.execute(delete(SignInLockRow).where(SignInLockRow.name.in_(names)))


def bound_failures(db: Session, most: int, before: datetime) -> None:
    """Forget failures older than that, and the oldest above that number."""
    db.execute(delete(SignInLockRow).where(SignInLockRow.last_failed_at < before))
    newest = select(SignInLockRow.last_failed_at).order_by(SignInLockRow.last_failed_at.desc())
    oldest_kept = db.scalar(newest.offset(most).limit(1))
    if oldest_kept is not None:
        db.execute(delete(SignInLockRow).where(SignInLockRow.last_failed_at <= oldest_kept))
