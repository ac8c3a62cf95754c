"""Every SQL statement on plain accounts."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from kyanite.areas.accounts.tables import StandardAccountRow
from kyanite.base.errors import NotFound

_LARGEST_ID = (1 << 63) - 1


def get_row(db: Session, account_id: str) -> StandardAccountRow:
    """One account; its id is a number as text. Raises ``NotFound``."""
    number = _number(account_id)
    row = db.get(StandardAccountRow, number) if number is not None else None
    if row is None:
        raise NotFound(f"There is no account {account_id}.")
    return row


def accounts(
    *,
    kinds: Collection[str] = (),
    text: str | None = None,
    ids: Collection[str] | None = None,
) -> Select[StandardAccountRow]:
    """Accounts by name; ``text`` is part of the name."""
    query = select(StandardAccountRow).order_by(StandardAccountRow.name_key, StandardAccountRow.id)
    if kinds:
        query = query.where(StandardAccountRow.kind.in_(list(kinds)))
    if text:
        query = query.where(StandardAccountRow.name_key.contains(text.lower(), autoescape=True))
    if ids is not None:
        known = [number for number in map(_number, ids) if number is not None]
        query = query.where(StandardAccountRow.id.in_(known))
    return query


def _number(account_id: str) -> int | None:
    """The id as a number; ``None`` when it is none (then nobody has it)."""
    if not account_id.isascii() or not account_id.isdigit() or len(account_id) > 19:
        return None
    number = int(account_id)
    return number if number <= _LARGEST_ID else None
