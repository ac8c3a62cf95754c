"""Writing what a scan found, one kind of one subscription at a time.

Safe to repeat and to run side by side: rows are upserted, sightings of the scanned scope are
replaced, and what no account sees any more is marked or dropped. What a scan finds as it was
is not written again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from types import MappingProxyType
from typing import Final, TypeVar

import orjson
from sqlalchemy import ColumnElement, delete, exists, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kyanite.areas.inventory.kinds import PLAIN_KINDS, Kind
from kyanite.areas.inventory.tables import (
    LookRow,
    MachineRow,
    RegionRow,
    ResourceGroupRow,
    ResourceRow,
    SightingRow,
    StorageAccountRow,
    SubscriptionRow,
    TagRow,
)
from kyanite.base.identifiers import system_id
from kyanite.db.tables import Base
from kyanite.db.uses import UseRow

_IDS_PER_STATEMENT: Final = 500  # below every database's limit of variables

_T = TypeVar("_T")

Row = Mapping[str, object]

TABLES: Final[Mapping[Kind, type[Base]]] = MappingProxyType(
    {
        Kind.SUBSCRIPTION: SubscriptionRow,
        Kind.REGION: RegionRow,
        Kind.RESOURCE_GROUP: ResourceGroupRow,
        Kind.STORAGE_ACCOUNT: StorageAccountRow,
        Kind.MACHINE: MachineRow,
        **dict.fromkeys(PLAIN_KINDS, ResourceRow),
    }
)


def replace_subscriptions(db: Session, account_id: str, rows: Sequence[Row], now: datetime) -> None:
    """The account sees exactly these subscriptions now.

    Everything it saw in others is out of its sight; whether those things still exist is not
    known, so nothing is marked removed.
    """
    _upsert(db, SubscriptionRow, rows)
    seen = [str(row["id"]) for row in rows]
    for table in (SightingRow, TagRow, LookRow):
        db.execute(
            delete(table).where(table.account_id == account_id, table.subscription_id.not_in(seen))
        )
    _looked(db, account_id, "", Kind.SUBSCRIPTION, now)
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
    ids = {str(row["id"]) for row in rows}
    if hasattr(table, "fingerprint"):
        rows = _changed(db, kind, subscription_id, rows)
    _upsert(db, table, rows)
    scope = (
        SightingRow.account_id == account_id,
        SightingRow.kind == kind.value,
        SightingRow.subscription_id == subscription_id,
    )
    before = set(db.scalars(select(SightingRow.resource_id).where(*scope)))
    lost = sorted(before - ids)
    for chunk in _chunks(lost):
        db.execute(delete(SightingRow).where(*scope, SightingRow.resource_id.in_(chunk)))
    _see(db, account_id, kind, ((id_, subscription_id) for id_ in ids - before))
    for chunk in _chunks(lost):
        _retire(db, kind, chunk, now)
    _looked(db, account_id, subscription_id, kind, now)


def replace_tags(
    db: Session,
    account_id: str,
    subscription_id: str,
    kind: Kind,
    tags: Iterable[tuple[str, str]],
) -> None:
    """The account sees exactly these tags on resources of ``kind`` in the subscription now."""
    rows = {tag_id(name, value): (name, value) for name, value in sorted(tags)}
    scope = (
        TagRow.account_id == account_id,
        TagRow.kind == kind.value,
        TagRow.subscription_id == subscription_id,
    )
    before = set(db.scalars(select(TagRow.tag_id).where(*scope)))
    for chunk in _chunks(sorted(before - rows.keys())):
        db.execute(delete(TagRow).where(*scope, TagRow.tag_id.in_(chunk)))
    new: list[Row] = [
        {
            "account_id": account_id,
            "kind": kind.value,
            "subscription_id": subscription_id,
            "tag_id": id_,
            "name": name,
            "name_key": name.lower(),
            "value": value,
            "search": f"{name}\n{value}".lower(),
        }
        for id_, (name, value) in rows.items()
        if id_ not in before
    ]
    _upsert(db, TagRow, new)


def tag_id(name: str, value: str) -> str:
    """The id of a tag: names compare without regard to case, values do not."""
    return system_id(f"{name.lower()}={value.encode().hex()}")


def forget_account(db: Session, account_id: str) -> None:
    """The account is gone: nothing is seen with it any more."""
    for table in (SightingRow, TagRow, LookRow):
        db.execute(delete(table).where(table.account_id == account_id))


def _changed(
    db: Session, kind: Kind, subscription_id: str, rows: Sequence[Row]
) -> list[Mapping[str, object]]:
    """Those of the rows that are not in the database as they are, with their fingerprints."""
    columns = TABLES[kind].__table__.c
    known = select(columns.id, columns.fingerprint).where(
        columns.subscription_id == subscription_id, columns.removed_at.is_(None)
    )
    if kind in PLAIN_KINDS:
        known = known.where(columns.kind == kind.value)
    before = {row.id: row.fingerprint for row in db.execute(known)}
    changed: list[Row] = []
    for row in rows:
        mark = _fingerprint(row)
        if before.get(row["id"]) != mark:
            changed.append({**row, "fingerprint": mark, "removed_at": None})
    return changed


def _fingerprint(row: Row) -> str:
    text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    return blake2b(text, digest_size=16).hexdigest()


def _retire(db: Session, kind: Kind, ids: Collection[str], now: datetime) -> None:
    """What nobody sees any more: machines, and whatever is in use, are kept and marked."""
    columns = TABLES[kind].__table__.c
    unseen = ~exists().where(SightingRow.kind == kind.value, SightingRow.resource_id == columns.id)
    gone = (columns.id.in_(ids), unseen)
    if "removed_at" not in columns:
        db.execute(delete(TABLES[kind]).where(*gone))
        return
    used: ColumnElement[bool] = exists().where(
        UseRow.used_kind == kind.value, UseRow.used_id == columns.id
    )
    if kind is not Kind.MACHINE:
        db.execute(delete(TABLES[kind]).where(*gone, ~used))
    db.execute(update(TABLES[kind]).where(*gone).values(removed_at=now))


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


def _looked(
    db: Session, account_id: str, subscription_id: str, kind: Kind, began_at: datetime
) -> None:
    """Record that everything there was read, by a look that began then."""
    look: Row = {
        "account_id": account_id,
        "subscription_id": subscription_id,
        "kind": kind.value,
        "looked_at": began_at,
    }
    _upsert(db, LookRow, [look])


def _upsert(db: Session, table: type[Base], rows: Sequence[Row]) -> None:
    """Insert rows, or bring those that exist to these values."""
    if not rows:
        return
    keys = [column.name for column in inspect(table).primary_key]
    dialect = db.get_bind().dialect.name
    target = Base.metadata.tables[table.__tablename__]
    insert = postgresql.insert(target) if dialect == "postgresql" else sqlite.insert(target)
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    statement = insert.on_conflict_do_update(index_elements=keys, set_=changed)
    # Azure has been seen to list a thing twice, and PostgreSQL takes a row once only. Sorted,
    # so that two scans side by side never wait for each other in a circle.
    unique = {tuple(str(row[key]) for key in keys): dict(row) for row in rows}
    db.execute(statement, [unique[key] for key in sorted(unique)])


def _chunks(items: Sequence[_T]) -> Iterable[Sequence[_T]]:
    for start in range(0, len(items), _IDS_PER_STATEMENT):
        yield items[start : start + _IDS_PER_STATEMENT]
