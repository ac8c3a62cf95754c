"""Logins of mail and database servers.

docs/behaviour/accounts-and-users.md, section 7. Whoever uses one says so in the table of uses
with ``STANDARD_ACCOUNT_USED_KIND``; the password leaves only through ``login_of``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import standard_queries as queries
from kyanite.areas.accounts.tables import StandardAccountRow
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.db.secrets import SecretBox
from kyanite.db.uses import Thing, lock_used, users_of
from kyanite.rules.standard_accounts import standard_account_problems

STANDARD_ACCOUNT_USED_KIND: Final = "standard account"


@dataclass(frozen=True)
class StandardAccountWish:
    """What a request says; an absent password stays what it was."""

    kind: str | None
    name: str
    description: str | None
    username: str | None
    password: str | None = field(repr=False, default=None)
    sql_server_ids: Sequence[str] | None = None


@dataclass(frozen=True)
class StandardLogin:
    """What signs in to the server."""

    username: str
    password: str = field(repr=False)


class StandardAccounts:
    """Adds, changes and removes such logins."""

    def __init__(self, secrets: SecretBox, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock

    def add(self, db: Session, wish: StandardAccountWish) -> StandardAccountRow:
        """A new one. Raises ``Invalid``."""
        _check(wish, wish.kind, has_login=bool(wish.username and wish.password))
        row = StandardAccountRow(
            kind=wish.kind or "",
            sql_server_ids=list(wish.sql_server_ids or ()),
            created_at=self._clock.now(),
        )
        _describe(row, wish)
        db.add(row)
        db.flush()  # the password is bound to the id
        self._keep_password(row, wish)
        db.flush()
        return row

    def change(self, db: Session, account_id: str, wish: StandardAccountWish) -> StandardAccountRow:
        """Change one; its kind stays. Raises ``NotFound``, ``Invalid``."""
        row = queries.get_row(db, account_id)
        if wish.kind not in (None, row.kind):
            raise Invalid.member("kind", f"The kind of an account stays what it is: {row.kind}.")
        has_password = bool(wish.password) or row.password_sealed is not None
        _check(wish, row.kind, has_login=bool(wish.username or row.username) and has_password)
        _describe(row, wish)
        if wish.sql_server_ids is not None:
            row.sql_server_ids = list(wish.sql_server_ids)
        self._keep_password(row, wish)
        db.flush()
        return row

    def delete(self, db: Session, account_id: str) -> None:
        """Remove one. Raises ``NotFound``; ``Invalid`` while somebody signs in with it."""
        row = queries.get_row(db, account_id)
        used = Thing(STANDARD_ACCOUNT_USED_KIND, str(row.id))
        lock_used(db, [used])
        users = users_of(db, used)
        if users:
            kinds = ", ".join(sorted({user.kind for user in users}))
            raise Invalid(
                f"The account {row.name} is still used ({kinds}); choose another one there first."
            )
        db.delete(row)

    def login_of(self, db: Session, account_id: str) -> StandardLogin:
        """User name and password. Raises ``NotFound``."""
        row = queries.get_row(db, account_id)
        sealed = row.password_sealed
        password = self._secrets.open_text(sealed, row_id=_bound_to(row)) if sealed else ""
        return StandardLogin(row.username or "", password)

    def _keep_password(self, row: StandardAccountRow, wish: StandardAccountWish) -> None:
        if wish.password:
            row.password_sealed = self._secrets.seal_text(wish.password, row_id=_bound_to(row))


def _bound_to(row: StandardAccountRow) -> str:
    return f"{STANDARD_ACCOUNT_USED_KIND} {row.id}"


def _describe(row: StandardAccountRow, wish: StandardAccountWish) -> None:
    row.name = wish.name.strip()
    row.name_key = row.name.lower()
    row.description = wish.description
    if wish.username is not None or row.username is None:
        row.username = wish.username


def _check(wish: StandardAccountWish, kind: str | None, *, has_login: bool) -> None:
    problems = standard_account_problems(
        kind=kind, name=wish.name, description=wish.description, has_login=has_login
    )
    if problems:
        raise Invalid(
            " ".join(problems.values()), {name: [text] for name, text in problems.items()}
        )
