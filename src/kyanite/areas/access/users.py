"""Local users: made, changed, deleted (docs/behaviour/accounts-and-users.md §4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.access import token_queries, user_queries
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.tables import UserRow
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid, NotFound
from kyanite.base.identifiers import new_id
from kyanite.db.locks import lock
from kyanite.rules.passwords import require_good
from kyanite.rules.roles import ASSIGNABLE, Role

USER_TYPE_INTERNAL: Final = "Internal"
USER_TYPE_PROVIDER: Final = "IdentityProvider"
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,32}\Z")
_DESCRIPTION = re.compile(r"^[\w., ]*\Z")
_LONGEST_DESCRIPTION: Final = 512


@dataclass(frozen=True)
class NewUser:
    """A local user to be. `repr` shows no password."""

    name: str
    role: Role
    password: str = field(repr=False)
    description: str = ""


@dataclass(frozen=True)
class UserChanges:
    """What a user is to be from now on; None stays as it is. `repr` shows no password."""

    name: str | None = None
    description: str | None = None
    role: Role | None = None
    password: str | None = field(default=None, repr=False)


def get(db: Session, user_id: str) -> UserRow:
    """The user; NotFound if there is none."""
    row = user_queries.by_id(db, user_id)
    if row is None:
        raise NotFound(f"There is no user {user_id}.")
    return row


def get_for_change(db: Session, user_id: str) -> UserRow:
    """The user, which nobody else changes until the transaction ends; NotFound if there is none."""
    row = user_queries.by_id_for_change(db, user_id)
    if row is None:
        raise NotFound(f"There is no user {user_id}.")
    return row


def create(
    db: Session, new: NewUser, passwords: Passwords, clock: Clock, *, is_default: bool = False
) -> UserRow:
    """Add a local user. Raises Invalid for a bad or taken name, role or password."""
    _require_valid(new.name, new.description, new.role)
    if not is_default:
        require_good(new.password, "password", [new.name])
    password_hash = passwords.hash(new.password)  # before the transaction holds up anybody
    lock(db, f"user {user_queries.name_key(new.name)}")
    _require_free(db, new.name)
    row = UserRow(
        id=new_id(),
        name=new.name,
        name_key=user_queries.name_key(new.name),
        description=new.description,
        role=new.role.value,
        type=USER_TYPE_INTERNAL,
        password_hash=password_hash,
        mfa_last_step=0,
        is_default=is_default,
        news_shown=False,
        created_at=clock.now(),
    )
    user_queries.add(db, row)
    return row


def change(
    db: Session, user_id: str, wanted: UserChanges, passwords: Passwords, clock: Clock
) -> UserRow:
    """Change a user. Another role or password takes effect with the next request, since all
    tokens are revoked. Raises Invalid, NotFound."""
    _require_valid(wanted.name, wanted.description, wanted.role)
    password_hash = None
    if wanted.password is not None:
        require_good(wanted.password, "password", [wanted.name or ""])
        password_hash = passwords.hash(wanted.password)
    if wanted.name is not None:
        lock(db, f"user {user_queries.name_key(wanted.name)}")
    lock(db, "administrators")
    row = get_for_change(db, user_id)
    if wanted.password is not None:
        require_good(wanted.password, "password", [row.name])
    _require_changeable(db, row, wanted)
    if wanted.name is not None and wanted.name != row.name:
        row.name, row.name_key = wanted.name, user_queries.name_key(wanted.name)
    if wanted.description is not None:
        row.description = wanted.description
    loses_tokens = password_hash is not None
    if wanted.role is not None and wanted.role.value != row.role:
        row.role, loses_tokens = wanted.role.value, True
    if password_hash is not None:
        row.password_hash = password_hash
    if loses_tokens:
        token_queries.end_sign_ins_of(db, user_id, clock.now())
    db.flush()
    return row


def remove(db: Session, user_id: str, *, by_user_id: str) -> UserRow:
    """Delete a user, the tokens with it. Not oneself, nor the first or the last administrator."""
    lock(db, "administrators")
    row = get_for_change(db, user_id)
    if row.is_default:
        raise Invalid.member("id", "The first administrator cannot be deleted.")
    if user_id == by_user_id:
        raise Invalid.member("id", "Nobody can delete the own account.")
    _require_another_administrator(db, row, "id")
    user_queries.remove(db, user_id)
    return row


def _require_valid(name: str | None, description: str | None, role: Role | None) -> None:
    if name is not None and not _NAME.match(name):
        raise Invalid.member("name", "A name has up to 32 characters of A-Z a-z 0-9 _ -.")
    if description is not None and (
        not _DESCRIPTION.match(description) or len(description) > _LONGEST_DESCRIPTION
    ):
        raise Invalid.member(
            "description",
            f"A description has up to {_LONGEST_DESCRIPTION} letters, digits, full stops, commas "
            "and blanks.",
        )
    if role is not None and role not in ASSIGNABLE:
        raise Invalid.member("role", f"The role {role.value} cannot be given to a user.")


def _require_free(db: Session, name: str) -> None:
    if user_queries.find(db, name) is not None:
        raise Invalid.member("name", f"There is a user {name} already.")


def _require_changeable(db: Session, row: UserRow, wanted: UserChanges) -> None:
    renamed = wanted.name is not None and wanted.name != row.name
    is_of_provider = row.type == USER_TYPE_PROVIDER
    if renamed and row.is_default:
        raise Invalid.member("name", "The name of the first administrator cannot be changed.")
    if renamed and is_of_provider:
        raise Invalid.member("name", "The identity provider says how its users are called.")
    if wanted.name is not None and user_queries.name_key(wanted.name) != row.name_key:
        _require_free(db, wanted.name)
    if wanted.password is not None and is_of_provider:
        raise Invalid.member("password", "A user of an identity provider has no password here.")
    if wanted.role is not None and wanted.role.value != row.role:
        if row.is_default:
            raise Invalid.member("role", "The role of the first administrator cannot be changed.")
        _require_another_administrator(db, row, "role")


def _require_another_administrator(db: Session, row: UserRow, member: str) -> None:
    is_administrator = row.role == Role.PORTAL_ADMIN.value
    if is_administrator and not user_queries.other_administrators(db, row.id):
        raise Invalid.member(member, "There must be an administrator.")
