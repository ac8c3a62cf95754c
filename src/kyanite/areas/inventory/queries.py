"""Every SQL statement that reads the inventory.

A thing is listed while some account sees it; machines and storage accounts that were removed
from Azure stay known and are told apart by ``removed``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    SQLColumnExpression,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.tables import (
    RegionRow,
    ResourceGroupRow,
    SightingRow,
    StorageAccountRow,
    SubscriptionRow,
)
from kyanite.areas.inventory.values import (
    Region,
    ResourceGroup,
    StorageAccount,
    Subscription,
)
from kyanite.base.azure_names import region_code
from kyanite.base.json_types import as_texts
from kyanite.db.reading import read


def seen(
    kind: Kind, resource_id: SQLColumnExpression[str], account_id: str | None = None
) -> ColumnElement[bool]:
    """Whether an account (or just this one) sees the resource."""
    condition = exists().where(
        SightingRow.kind == kind.value, SightingRow.resource_id == resource_id
    )
    if account_id is not None:
        condition = condition.where(SightingRow.account_id == account_id.lower())
    return condition


def list_subscriptions(
    db: Session,
    *,
    account_id: str | None = None,
    tenant_id: str | None = None,
    text: str | None = None,
    ids: Collection[str] = (),
) -> list[Subscription]:
    """Subscriptions by name."""
    query = select(SubscriptionRow).where(seen(Kind.SUBSCRIPTION, SubscriptionRow.id, account_id))
    if tenant_id:
        query = query.where(SubscriptionRow.tenant_id == tenant_id.lower())
    if ids:
        query = query.where(SubscriptionRow.id.in_([id_.lower() for id_ in ids]))
    query = query.order_by(func.lower(SubscriptionRow.name), SubscriptionRow.id)
    found = [_subscription(row) for row in db.scalars(query)]
    return [item for item in found if _has(item.name, text)]


def find_subscription(db: Session, subscription_id: str) -> Subscription | None:
    """One subscription, or ``None``."""
    return next(iter(list_subscriptions(db, ids=[subscription_id])), None)


def list_regions(
    db: Session,
    *,
    account_id: str | None = None,
    subscription_id: str | None = None,
    tenant_id: str | None = None,
    text: str | None = None,
    provider_types: Collection[str] = (),
) -> list[Region]:
    """Regions by name, each once; ``provider_types``: those that offer one of them at least."""
    query = (
        select(RegionRow)
        .join(SubscriptionRow, SubscriptionRow.id == RegionRow.subscription_id)
        .where(seen(Kind.REGION, RegionRow.id, account_id))
    )
    if subscription_id:
        query = query.where(RegionRow.subscription_id == subscription_id.lower())
    if tenant_id:
        query = query.where(SubscriptionRow.tenant_id == tenant_id.lower())
    regions: dict[str, Region] = {}
    for row in db.scalars(query):
        if _offers(row, provider_types) and (_has(row.display_name, text) or _has(row.name, text)):
            regions[row.name] = Region(row.name, row.display_name)
    return sorted(regions.values(), key=lambda region: (region.name.lower(), region.id))


def region_offers(
    db: Session,
    *,
    account_id: str | None = None,
    subscription_id: str | None = None,
    region: str | None = None,
) -> Sequence[RegionRow]:
    """What each visible subscription offers, by subscription and region."""
    query = select(RegionRow).where(seen(Kind.REGION, RegionRow.id, account_id))
    if subscription_id:
        query = query.where(RegionRow.subscription_id == subscription_id.lower())
    if region:
        query = query.where(RegionRow.name == region_code(region))
    return db.scalars(query.order_by(RegionRow.subscription_id, RegionRow.name)).all()


def find_region(db: Session, region_id: str) -> Region | None:
    """One region by its code name (or its name for people), or ``None``."""
    wanted = region_code(region_id)
    return next((r for r in list_regions(db) if r.id == wanted), None)


def list_resource_groups(
    db: Session,
    *,
    account_id: str | None = None,
    subscription_id: str | None = None,
    tenant_id: str | None = None,
    regions: Collection[str] = (),
    text: str | None = None,
) -> list[ResourceGroup]:
    """Resource groups by name."""
    query = _groups().where(seen(Kind.RESOURCE_GROUP, ResourceGroupRow.id, account_id))
    if subscription_id:
        query = query.where(ResourceGroupRow.subscription_id == subscription_id.lower())
    if tenant_id:
        query = query.where(SubscriptionRow.tenant_id == tenant_id.lower())
    if regions:
        query = query.where(ResourceGroupRow.region.in_([region_code(r) for r in regions]))
    query = query.order_by(func.lower(ResourceGroupRow.name), ResourceGroupRow.id)
    found = [_group(row, subscription) for row, subscription in db.execute(query)]
    return [item for item in found if _has(item.name, text)]


def find_resource_group(db: Session, group_id: str) -> ResourceGroup | None:
    """One resource group by its system id, or ``None``."""
    query = _groups().where(
        ResourceGroupRow.id == group_id.lower(), seen(Kind.RESOURCE_GROUP, ResourceGroupRow.id)
    )
    found = db.execute(query).first()
    return _group(*found) if found else None


def list_storage_accounts(
    db: Session,
    *,
    account_id: str | None = None,
    subscription_id: str | None = None,
    regions: Collection[str] = (),
    name: str | None = None,
    resource_group: str | None = None,
) -> list[StorageAccount]:
    """Storage accounts by name; ``name`` and ``resource_group`` match whole, in any case."""
    query = _storage().where(_still_known(account_id))
    if subscription_id:
        query = query.where(StorageAccountRow.subscription_id == subscription_id.lower())
    if regions:
        query = query.where(StorageAccountRow.region.in_([region_code(r) for r in regions]))
    if name:
        query = query.where(func.lower(StorageAccountRow.name) == name.lower())
    if resource_group:
        query = query.where(func.lower(StorageAccountRow.resource_group) == resource_group.lower())
    query = query.order_by(func.lower(StorageAccountRow.name), StorageAccountRow.id)
    return _storage_values(db, db.execute(query))


def find_storage_account(
    db: Session, storage_account_id: str, *, account_id: str | None = None
) -> StorageAccount | None:
    """One storage account by its system id, or ``None``."""
    query = _storage().where(
        StorageAccountRow.id == storage_account_id.lower(), _still_known(account_id)
    )
    return next(iter(_storage_values(db, db.execute(query))), None)


def region_names(db: Session, regions: Collection[str]) -> dict[str, str]:
    """Code name → name for people, of those of the regions that were ever seen."""
    if not regions:
        return {}
    rows = read(db, _REGION_NAMES, regions=sorted(set(regions)))
    return {row.name: row.display_name for row in rows}


_REGION: Final = RegionRow.__table__.c
_REGION_NAMES: Final = (
    select(_REGION.name, _REGION.display_name)
    .where(_REGION.name.in_(bindparam("regions", expanding=True)))
    .distinct()
)


def accounts_seeing(db: Session, kind: Kind, resource_id: str) -> Sequence[str]:
    """The accounts that see a resource, sorted."""
    query = (
        select(SightingRow.account_id)
        .where(SightingRow.kind == kind.value, SightingRow.resource_id == resource_id)
        .order_by(SightingRow.account_id)
    )
    return list(db.scalars(query))


def _still_known(account_id: str | None) -> ColumnElement[bool]:
    """Seen, or removed but in use, in a subscription that is seen."""
    return or_(
        seen(Kind.STORAGE_ACCOUNT, StorageAccountRow.id, account_id),
        and_(
            StorageAccountRow.removed_at.is_not(None),
            seen(Kind.SUBSCRIPTION, StorageAccountRow.subscription_id, account_id),
        ),
    )


def _groups() -> Select[ResourceGroupRow, SubscriptionRow]:
    return select(ResourceGroupRow, SubscriptionRow).join(
        SubscriptionRow, SubscriptionRow.id == ResourceGroupRow.subscription_id
    )


def _storage() -> Select[StorageAccountRow, SubscriptionRow]:
    return select(StorageAccountRow, SubscriptionRow).join(
        SubscriptionRow, SubscriptionRow.id == StorageAccountRow.subscription_id
    )


def _offers(row: RegionRow, provider_types: Collection[str]) -> bool:
    if not provider_types or row.provider_types is None:
        return True
    return not set(as_texts(row.provider_types)).isdisjoint(provider_types)


def _has(name: str, text: str | None) -> bool:
    """Whether ``text`` is part of the name. SQLite folds the case of ASCII letters only."""
    return (text or "").lower() in name.lower()


def _subscription(row: SubscriptionRow) -> Subscription:
    return Subscription(
        id=row.id,
        name=row.name,
        environment=row.environment,
        tenant_id=row.tenant_id,
        tenant_name=row.tenant_name,
        status=row.status,
    )


def _group(row: ResourceGroupRow, subscription: SubscriptionRow) -> ResourceGroup:
    return ResourceGroup(
        id=row.id,
        azure_id=row.azure_id,
        name=row.name,
        environment=subscription.environment,
        subscription_id=row.subscription_id,
        tenant_id=subscription.tenant_id,
        region=row.region,
    )


def _storage_values(
    db: Session, rows: Iterable[Row[StorageAccountRow, SubscriptionRow]]
) -> list[StorageAccount]:
    found = list(rows)
    names = region_names(db, {row.region for row, _ in found})
    return [
        StorageAccount(
            id=row.id,
            azure_id=row.azure_id,
            name=row.name,
            subscription_id=row.subscription_id,
            tenant_id=subscription.tenant_id,
            environment=subscription.environment,
            resource_group=row.resource_group,
            region=row.region,
            region_name=names.get(row.region, row.region),
            kind=row.kind,
            sku_name=row.sku_name,
            access_tier=row.access_tier,
            hierarchical_namespace=row.hierarchical_namespace,
            blob_endpoint=row.blob_endpoint,
            versioning=row.versioning,
            immutability_locked=row.immutability_locked,
            removed=row.removed_at is not None,
        )
        for row, subscription in found
    ]
