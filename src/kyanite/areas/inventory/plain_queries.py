"""Every SQL statement that reads resources of which little is known, tags and tenants."""

from __future__ import annotations

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from kyanite.areas.accounts import ServiceAccount, list_accounts
from kyanite.areas.accounts.standard_queries import accounts as standard_accounts
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.queries import seen
from kyanite.areas.inventory.tables import ResourceRow, SightingRow, SubscriptionRow, TagRow
from kyanite.areas.inventory.values import ResourceFilter, Tag, Tenant, TenantWithAccount
from kyanite.base.azure_names import region_code
from kyanite.base.errors import NotFound
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import as_texts
from kyanite.http.pages import Found, Paging


def resources(kind: Kind, wanted: ResourceFilter = ResourceFilter()) -> Select[ResourceRow]:
    """Resources of a kind by name; those removed from Azure while somebody refers to them."""
    query = select(ResourceRow).where(
        ResourceRow.kind == kind.value,
        or_(
            seen(kind, ResourceRow.id, wanted.account_id),
            and_(
                ResourceRow.removed_at.is_not(None),
                seen(Kind.SUBSCRIPTION, ResourceRow.subscription_id, wanted.account_id),
            ),
        ),
    )
    if wanted.subscription_id:
        query = query.where(ResourceRow.subscription_id == wanted.subscription_id.lower())
    if wanted.tenant_id:
        of_tenant = select(SubscriptionRow.id).where(
            SubscriptionRow.tenant_id == wanted.tenant_id.lower()
        )
        query = query.where(ResourceRow.subscription_id.in_(of_tenant))
    if wanted.regions:
        query = query.where(ResourceRow.region.in_([region_code(r) for r in wanted.regions]))
    if wanted.resource_group:
        group = wanted.resource_group.lower()
        query = query.where(func.lower(ResourceRow.resource_group) == group)
    if wanted.text:
        part = wanted.text.lower()
        query = query.where(ResourceRow.name_key.contains(part, autoescape=True))
    if wanted.ids is not None:
        query = query.where(ResourceRow.id.in_(wanted.ids))
    return query.order_by(ResourceRow.name_key, ResourceRow.id)


def sql_servers(
    db: Session,
    wanted: ResourceFilter,
    *,
    server_type: str | None = None,
    with_login: bool | None = None,
    login_id: int | None = None,
) -> Select[ResourceRow]:
    """SQL servers by name.

    ``server_type``: ``Managed`` or ``Unmanaged`` only; ``with_login``: those that a database
    login names, or that none does; ``login_id``: those that this login opens.
    """
    query = resources(Kind.SQL_SERVER, wanted)
    if server_type is not None:
        query = query.where(ResourceRow.facts["serverType"].as_string() == server_type)
    if with_login is not None or login_id is not None:
        servers = {
            login.id: as_texts(login.sql_server_ids)
            for login in db.scalars(standard_accounts(kinds=("Database",)))
        }
        if with_login is not None:
            named = sorted({id_.lower() for ids in servers.values() for id_ in ids})
            known = ResourceRow.id.in_(named)
            query = query.where(known if with_login else ~known)
        if login_id is not None and servers.get(login_id) != ():  # none named: it may open any
            opened = [id_.lower() for id_ in servers.get(login_id, ())]
            query = query.where(ResourceRow.id.in_(opened))
    return query


def find_resource(
    db: Session, kind: Kind, resource_id: str, account_id: str | None = None
) -> ResourceRow | None:
    """One resource by its system id or its ARM id, or ``None``."""
    key = system_id(resource_id) if "/" in resource_id else resource_id.lower()
    return db.scalar(resources(kind, ResourceFilter(account_id=account_id, ids=(key,))))


def get_resource(
    db: Session, kind: Kind, resource_id: str, account_id: str | None = None
) -> ResourceRow:
    """As ``find_resource``. Raises ``NotFound``."""
    row = find_resource(db, kind, resource_id, account_id)
    if row is None:
        raise NotFound(f"There is no {kind} {resource_id} in the inventory.")
    return row


def list_tags(
    db: Session,
    paging: Paging,
    *,
    account_id: str | None = None,
    tenant_id: str | None = None,
    text: str | None = None,
) -> Found[Tag]:
    """One page of the distinct tags by name, then value; ``text`` is part of either."""
    query = select(
        TagRow.tag_id, func.min(TagRow.name), TagRow.value, func.min(TagRow.name_key).label("k")
    ).group_by(TagRow.tag_id, TagRow.value)
    if account_id is not None:
        query = query.where(TagRow.account_id == account_id.lower())
    if tenant_id:
        of_tenant = select(SubscriptionRow.id).where(SubscriptionRow.tenant_id == tenant_id.lower())
        query = query.where(TagRow.subscription_id.in_(of_tenant))
    if text:
        query = query.where(TagRow.search.contains(text.lower(), autoescape=True))
    total = db.scalar(select(func.count()).select_from(query.subquery()))
    ordered = query.order_by("k", TagRow.value, TagRow.tag_id)
    rows = db.execute(paging.applied(ordered))
    return Found(total or 0, [Tag(id_, name, value) for id_, name, value, _ in rows])


def list_tenants(db: Session, text: str | None = None) -> list[Tenant]:
    """The tenants of the accounts and of what they see, by name."""
    found: dict[str, Tenant] = {}
    for pair in list_tenants_with_account(db):
        known = found.get(pair.tenant.id)
        if known is None or (known.name is None and pair.tenant.name):
            found[pair.tenant.id] = pair.tenant
    return [tenant for tenant in sorted(found.values(), key=_order) if _fits(tenant, text)]


def list_tenants_with_account(db: Session, text: str | None = None) -> list[TenantWithAccount]:
    """Which account reaches which tenant, by the tenant's name, then the account's."""
    accounts = list_accounts(db)
    seen_tenants = select(
        SightingRow.account_id, SubscriptionRow.tenant_id, SubscriptionRow.tenant_name
    ).join(
        SubscriptionRow,
        and_(
            SightingRow.kind == Kind.SUBSCRIPTION.value,
            SightingRow.resource_id == SubscriptionRow.id,
        ),
    )
    by_account: dict[str, dict[str, str | None]] = {}
    for account_id, tenant_id, name in db.execute(seen_tenants.distinct()):
        by_account.setdefault(account_id, {})[tenant_id] = name
    pairs = [
        TenantWithAccount(tenant, account)
        for account in accounts
        for tenant in _tenants_of(account, by_account.get(account.id, {}))
        if _fits(tenant, text)
    ]
    return sorted(pairs, key=lambda p: (*_order(p.tenant), p.account.name.lower(), p.account.id))


def _tenants_of(account: ServiceAccount, seen_tenants: dict[str, str | None]) -> list[Tenant]:
    """The account's own tenant, and those of subscriptions that others let it see."""
    names = {**seen_tenants}
    names[account.tenant_id] = account.tenant_name or names.get(account.tenant_id)
    return [Tenant(id_, name) for id_, name in names.items()]


def _fits(tenant: Tenant, text: str | None) -> bool:
    part = (text or "").lower()
    return part in (tenant.name or "").lower() or part in tenant.id


def _order(tenant: Tenant) -> tuple[str, str]:
    return (tenant.name or "").lower(), tenant.id
