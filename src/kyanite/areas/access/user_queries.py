"""Every SQL statement about users."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from kyanite.areas.access.tables import MfaEnrolmentRow, RecoveryCodeRow, UserRow
from kyanite.http.pages import Found, Paging, found
from kyanite.rules.roles import Role


def name_key(name: str) -> str:
    """Names are compared without regard to case."""
    return name.casefold()


def find(db: Session, name: str) -> UserRow | None:
    """The user of that name, or None."""
    return db.scalar(select(UserRow).where(UserRow.name_key == name_key(name)))


def by_id(db: Session, user_id: str) -> UserRow | None:
    """The user, or None."""
    return db.get(UserRow, user_id)


def by_id_for_change(db: Session, user_id: str) -> UserRow | None:
    """The user as it is now, which nobody else changes until the transaction ends."""
    return db.get(UserRow, user_id, with_for_update=True, populate_existing=True)


def default_administrator(db: Session) -> UserRow | None:
    """The administrator made at the first start."""
    return db.scalar(select(UserRow).where(UserRow.is_default))


def any_user(db: Session) -> bool:
    """Whether there is any user yet."""
    return db.scalar(select(UserRow.id).limit(1)) is not None


def other_administrators(db: Session, user_id: str) -> int:
    """How many administrators there are without this user."""
    statement = select(func.count()).where(
        UserRow.role == Role.PORTAL_ADMIN.value, UserRow.id != user_id
    )
    return db.scalar(statement) or 0


def list_users(db: Session, name_filter: str | None, paging: Paging) -> Found[UserRow]:
    """The users of one page, by name."""
    return found(db, _users(name_filter), paging)


def all_users(
    db: Session, name_filter: str | None, ids: Collection[str] | None
) -> Sequence[UserRow]:
    """All users, by name; of those ids only, if any are given."""
    statement = _users(name_filter)
    if ids:
        statement = statement.where(UserRow.id.in_(ids))
    return db.scalars(statement).all()


def _users(name_filter: str | None) -> Select[UserRow]:
    statement = select(UserRow)
    if name_filter:
        statement = statement.where(UserRow.name.icontains(name_filter, autoescape=True))
    return statement.order_by(UserRow.name_key)


def add(db: Session, row: UserRow) -> None:
    """Write a new user."""
    db.add(row)
    db.flush()


def remove(db: Session, user_id: str) -> None:
    """Delete a user; sign-ins, tokens and second factors go with it."""
    db.execute(delete(UserRow).where(UserRow.id == user_id))


def enrolment(db: Session, user_id: str) -> MfaEnrolmentRow | None:
    """The second factor that was offered to a user, if any."""
    return db.get(MfaEnrolmentRow, user_id)


def put_enrolment(db: Session, row: MfaEnrolmentRow) -> None:
    """Offer a second factor, instead of the one that was offered before."""
    db.merge(row)
    db.flush()


def remove_enrolment(db: Session, user_id: str) -> None:
    """Take the offer back."""
    db.execute(delete(MfaEnrolmentRow).where(MfaEnrolmentRow.user_id == user_id))


def replace_recovery_codes(db: Session, user_id: str, code_macs: Sequence[str]) -> None:
    """Give a user these recovery codes and no others."""
    db.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.user_id == user_id))
    db.add_all(RecoveryCodeRow(user_id=user_id, code_mac=one) for one in code_macs)
    db.flush()


def use_recovery_code(db: Session, user_id: str, code_mac: str) -> bool:
    """Use a recovery code up; False if it is none (any more)."""
    row = db.get(RecoveryCodeRow, (user_id, code_mac), with_for_update=True)
    if row is None:
        return False
    db.delete(row)
    db.flush()
    return True
