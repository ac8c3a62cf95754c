"""Every SQL statement of the area."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from kyanite.areas.accounts.accounts import ServiceAccount, from_row
from kyanite.areas.accounts.tables import DeviceSignInRow, ServiceAccountRow
from kyanite.base.errors import NotFound


def find_row(db: Session, account_id: str) -> ServiceAccountRow | None:
    """The row of an account, or ``None``."""
    return db.get(ServiceAccountRow, account_id.lower())


def get_row(db: Session, account_id: str) -> ServiceAccountRow:
    """The row of an account. Raises ``NotFound``."""
    row = find_row(db, account_id)
    if row is None:
        raise NotFound(f"There is no service account {account_id}.")
    return row


def get_account(db: Session, account_id: str) -> ServiceAccount:
    """One account. Raises ``NotFound``."""
    return from_row(get_row(db, account_id))


def find_account(db: Session, account_id: str) -> ServiceAccount | None:
    """One account, or ``None``."""
    row = find_row(db, account_id)
    return from_row(row) if row is not None else None


def list_accounts(
    db: Session, *, text: str | None = None, purposes: Collection[str] = ()
) -> Sequence[ServiceAccount]:
    """All accounts by name; ``text`` is part of the name, and each of ``purposes`` is served."""
    rows = db.scalars(
        select(ServiceAccountRow).order_by(ServiceAccountRow.name_key, ServiceAccountRow.id)
    )
    wanted = (text or "").lower()
    return [
        account
        for account in map(from_row, rows)
        if wanted in account.name.lower() and all(account.serves(p) for p in purposes)
    ]


def name_is_taken(db: Session, name: str, *, beside: str | None = None) -> bool:
    """Whether an account other than ``beside`` has this name, without regard to case."""
    query = select(ServiceAccountRow.id).where(ServiceAccountRow.name_key == name.lower())
    return db.scalar(query) not in (None, beside)


def select_for_workers(
    db: Session, row: ServiceAccountRow, subscription_id: str | None, group: str | None
) -> None:
    """Let an account, and no other, launch the workers."""
    db.execute(
        update(ServiceAccountRow)
        .where(ServiceAccountRow.selected_for_workers, ServiceAccountRow.id != row.id)
        .values(selected_for_workers=False)
    )
    row.selected_for_workers = True
    row.worker_subscription_id = subscription_id or row.worker_subscription_id
    row.worker_resource_group = group or row.worker_resource_group


def delete_sign_in(db: Session, sign_in_id: str) -> None:
    """Remove one sign-in of a person."""
    db.execute(delete(DeviceSignInRow).where(DeviceSignInRow.id == sign_in_id.lower()))


def delete_sign_ins_until(db: Session, moment: datetime) -> None:
    """Remove the sign-ins that are over by then."""
    db.execute(delete(DeviceSignInRow).where(DeviceSignInRow.expires_at <= moment))


def delete_row(db: Session, account_id: str) -> None:
    """Remove the row of an account."""
    db.execute(delete(ServiceAccountRow).where(ServiceAccountRow.id == account_id))
