"""Writing what a scan found, one kind of one subscription at a time.

Safe to repeat and to run side by side: rows are upserted, sightings of the scanned scope are
replaced, and what no account sees any more is marked or dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Insert, delete, exists, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kyanite.areas.inventory.kinds import STORAGE_ACCOUNT_USED_KIND, Kind
from kyanite.areas.inventory.tables import (
    MachineRow,
    RegionRow,
    ResourceGroupRow,
    SightingRow,
    StorageAccountRow,
    SubscriptionRow,
)
from kyanite.db.tables import Base
from kyanite.db.uses import UseRow

_ROWS_PER_STATEMENT: Final = 200  # times ~25 columns: below SQLite's limit of variables

_T = TypeVar("_T")

Row = Mapping[str, object]

TABLES: Final[Mapping[Kind, type[Base]]] = MappingProxyType(
    {
        Kind.SUBSCRIPTION: SubscriptionRow,
        Kind.REGION: RegionRow,
        Kind.RESOURCE_GROUP: ResourceGroupRow,
        Kind.STORAGE_ACCOUNT: StorageAccountRow,
        Kind.MACHINE: MachineRow,
    }
)


def replace_subscriptions(db: Session, account_id: str, rows: Sequence[Row]) -> None:
    """The account sees exactly these subscriptions now.

    Everything it saw in others is out of its sight; whether those things still exist is not
    known, so nothing is marked removed.
    """
    _upsert(db, SubscriptionRow, rows)
    seen = [str(row["id"]) for row in rows]
    db.execute(
        delete(SightingRow).where(
            SightingRow.account_id == account_id, SightingRow.subscription_id.not_in(seen)
        )
    )
    _see(db, account_id, Kind.SUBSCRIPTION, ((id_, id_) for id_ in seen))


def replace_resources(
    db: Session,
    account_id: str,
    subscription_id: str,
    kind: Kind,
    rows: Sequence[Row],
    now: datetime,
) -> None:
    """The account sees exactly these resources of ``kind`` in the subscription now."""
    table = TABLES[kind]
    keeps = hasattr(table, "removed_at")
    _upsert(db, table, [{**row, "removed_at": None} for row in rows] if keeps else rows)
    ids = {str(row["id"]) for row in rows}
    scope = (
        SightingRow.account_id == account_id,
        SightingRow.kind == kind.value,
        SightingRow.subscription_id == subscription_id,
    )
    before = set(db.scalars(select(SightingRow.resource_id).where(*scope)))
    lost = sorted(before - ids)
    for chunk in _chunks(lost):
        db.execute(delete(SightingRow).where(*scope, SightingRow.resource_id.in_(chunk)))
    _see(db, account_id, kind, ((id_, subscription_id) for id_ in ids))
    for chunk in _chunks(lost):
        _retire(db, kind, chunk, now)


def forget_account(db: Session, account_id: str) -> None:
    """The account is gone: nothing is seen with it any more."""
    db.execute(delete(SightingRow).where(SightingRow.account_id == account_id))


def _retire(db: Session, kind: Kind, ids: Collection[str], now: datetime) -> None:
    """What nobody sees any more: machines, and accounts in use, are kept and marked."""
    unseen = ~exists().where(
        SightingRow.kind == kind.value, SightingRow.resource_id == _id_of(kind)
    )
    gone = (_id_of(kind).in_(ids), unseen)
    if kind is Kind.MACHINE:
        db.execute(update(MachineRow).where(*gone).values(removed_at=now))
    elif kind is Kind.STORAGE_ACCOUNT:
        used = exists().where(
            UseRow.used_kind == STORAGE_ACCOUNT_USED_KIND, UseRow.used_id == StorageAccountRow.id
        )
        db.execute(update(StorageAccountRow).where(*gone, used).values(removed_at=now))
        db.execute(delete(StorageAccountRow).where(*gone, ~used))
    else:
        db.execute(delete(TABLES[kind]).where(*gone))


def _id_of(kind: Kind) -> ColumnElement[str]:
    column: ColumnElement[str] = TABLES[kind].__table__.c.id
    return column


def _see(db: Session, account_id: str, kind: Kind, seen: Iterable[tuple[str, str]]) -> None:
    """Record sightings, given as (resource, subscription)."""
    rows: list[Row] = [
        {
            "account_id": account_id,
            "kind": kind.value,
            "resource_id": resource_id,
            "subscription_id": subscription_id,
        }
        for resource_id, subscription_id in seen
    ]
    _upsert(db, SightingRow, rows)


def _upsert(db: Session, table: type[Base], rows: Sequence[Row]) -> None:
    """Insert rows, or bring those that exist to these values."""
    keys = [column.name for column in inspect(table).primary_key]
    # One statement may not touch a row twice, and Azure has been seen to list a thing twice.
    unique = {tuple(row[key] for key in keys): row for row in rows}
    for chunk in _chunks(list(unique.values())):
        db.execute(_upsert_statement(db, table, keys, chunk))


def _upsert_statement(
    db: Session, table: type[Base], keys: Sequence[str], rows: Sequence[Row]
) -> Insert:
    dialect = db.get_bind().dialect.name
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    statement = insert.values([dict(row) for row in rows])
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=changed)


def _chunks(items: Sequence[_T]) -> Iterable[Sequence[_T]]:
    for start in range(0, len(items), _ROWS_PER_STATEMENT):
        yield items[start : start + _ROWS_PER_STATEMENT]
