"""Local users: made, changed, deleted (docs/behaviour/accounts-and-users.md §4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from kyanite.areas.access.passwords import Passwords, require_good
from kyanite.areas.access.tables import SignInRow, UserRow
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid, NotFound
from kyanite.base.identifiers import new_id
from kyanite.http.rights import Role

_NAME = re.compile(r"^[A-Za-z0-9_-]{1,32}$")
_DESCRIPTION = re.compile(r"^[\w., ]*$")
ASSIGNABLE = frozenset(Role) - {Role.UPDATER}


@dataclass(frozen=True)
class NewUser:
    """A local user to be. `password` is never shown."""

    name: str
    role: Role
    password: str
    description: str = ""

    def __repr__(self) -> str:
        return f"NewUser({self.name!r}, {self.role.value})"


def name_key(name: str) -> str:
    """Names are compared without regard to case."""
    return name.casefold()


def find(db: Session, name: str) -> UserRow | None:
    """The user of that name, or None."""
    return db.scalar(select(UserRow).where(UserRow.name_key == name_key(name)))


def get(db: Session, user_id: str) -> UserRow:
    """The user; NotFound if there is none."""
    row = db.get(UserRow, user_id)
    if row is None:
        raise NotFound(f"There is no user {user_id}.")
    return row


def create(
    db: Session, new: NewUser, passwords: Passwords, clock: Clock, *, is_default: bool = False
) -> UserRow:
    """Add a local user. Raises Invalid for a bad or taken name, role or password."""
    if not _NAME.match(new.name):
        raise Invalid.member("name", "A name has up to 32 characters of A-Z a-z 0-9 _ -.")
    if not _DESCRIPTION.match(new.description):
        raise Invalid.member(
            "description", "A description has letters, digits, full stops, commas and blanks."
        )
    if new.role not in ASSIGNABLE:
        raise Invalid.member("role", f"The role {new.role.value} cannot be given to a user.")
    if not is_default:
        require_good(new.password, "password")
    if find(db, new.name) is not None:
        raise Invalid.member("name", f"There is a user {new.name} already.")
    row = UserRow(
        id=new_id(),
        name=new.name,
        name_key=name_key(new.name),
        description=new.description,
        role=new.role.value,
        type="Internal",
        password_hash=passwords.hash(new.password),
        is_default=is_default,
        created_at=clock.now(),
    )
    db.add(row)
    db.flush()
    return row


def change_role(db: Session, user_id: str, role: Role, clock: Clock) -> None:
    """Give another role; takes effect with the next request, since all tokens are revoked."""
    row = get(db, user_id)
    if role not in ASSIGNABLE:
        raise Invalid.member("role", f"The role {role.value} cannot be given to a user.")
    if row.is_default and role is not Role.PORTAL_ADMIN:
        raise Invalid.member("role", "The role of the first administrator cannot be changed.")
    if row.role != role.value:
        row.role = role.value
        revoke_tokens(db, user_id, clock)


def change_password(
    db: Session, user_id: str, password: str, passwords: Passwords, clock: Clock
) -> None:
    """Set another password; the user has to sign in again everywhere."""
    require_good(password, "newPassword")
    row = get(db, user_id)
    row.password_hash = passwords.hash(password)
    revoke_tokens(db, user_id, clock)


def remove(db: Session, user_id: str, *, by_user_id: str) -> None:
    """Delete a user, its tokens with it. Not oneself, nor the first administrator."""
    row = get(db, user_id)
    if row.is_default:
        raise Invalid.member("id", "The first administrator cannot be deleted.")
    if user_id == by_user_id:
        raise Invalid.member("id", "Nobody can delete the own account.")
    db.execute(delete(UserRow).where(UserRow.id == user_id))


def revoke_tokens(db: Session, user_id: str, clock: Clock) -> None:
    """Make all tokens of a user worthless."""
    db.execute(
        update(SignInRow)
        .where(SignInRow.user_id == user_id, SignInRow.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )


def any_user(db: Session) -> bool:
    """Whether there is any user yet."""
    return bool(db.scalar(select(func.count()).select_from(UserRow)))
