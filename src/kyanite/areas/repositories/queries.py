"""Every SQL statement of the area."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, or_, select
from sqlalchemy.orm import Session

from kyanite.areas.inventory import list_storage_accounts
from kyanite.areas.repositories.facts import (
    SESSION_USER_KIND,
    USED_KIND,
    RepositoryFacts,
    from_row,
)
from kyanite.areas.repositories.tables import RepositoryRow, UpkeepRow
from kyanite.base.errors import NotFound
from kyanite.db.reading import read
from kyanite.db.tables import Base
from kyanite.db.uses import Thing, users_of
from kyanite.durable.session_tables import ItemRow, SessionRow
from kyanite.rules.sessions import ACTIVE

_DELETED_ITEM: Final = "deleted"
_TABLE: Final = Base.metadata.tables[RepositoryRow.__tablename__]
_ONE: Final = select(_TABLE).where(_TABLE.c.id == bindparam("id"))


def find_row(db: Session, repository_id: str) -> RepositoryRow | None:
    """The row of a repository, or ``None``."""
    return db.get(RepositoryRow, repository_id.lower())


def get_row(db: Session, repository_id: str) -> RepositoryRow:
    """The row of a repository. Raises ``NotFound``."""
    row = find_row(db, repository_id)
    if row is None:
        raise NotFound(f"There is no repository {repository_id}.")
    return row


def find_repository(db: Session, repository_id: str) -> RepositoryFacts | None:
    """One repository, or ``None``."""
    row = read(db, _ONE, id=repository_id.lower()).one_or_none()
    return from_row(row) if row is not None else None


def get_repository(db: Session, repository_id: str) -> RepositoryFacts:
    """One repository. Raises ``NotFound``."""
    found = find_repository(db, repository_id)
    if found is None:
        raise NotFound(f"There is no repository {repository_id}.")
    return found


def list_repositories(
    db: Session,
    *,
    statuses: Collection[str] = (),
    tiers: Collection[str] = (),
    text: str | None = None,
    is_encrypted: bool | None = None,
    immutability_enabled: bool | None = None,
    tenant_id: str | None = None,
    account_id: str | None = None,
    ids: Collection[str] = (),
) -> list[RepositoryFacts]:
    """Repositories by name. The tier ``Inferred`` finds those that follow their account.

    ``account_id``: those entered with that service account, or in a storage account it sees.
    """
    query = select(_TABLE).order_by(RepositoryRow.name_key, RepositoryRow.id)
    if statuses:
        query = query.where(RepositoryRow.status.in_(statuses))
    if text:
        query = query.where(RepositoryRow.name_key.contains(text.lower(), autoescape=True))
    if is_encrypted is not None:
        query = query.where(RepositoryRow.is_encrypted.is_(is_encrypted))
    if immutability_enabled is not None:
        query = query.where(RepositoryRow.immutability_enabled.is_(immutability_enabled))
    if tenant_id:
        query = query.where(RepositoryRow.tenant_id == tenant_id.lower())
    if account_id:
        seen = [storage.id for storage in list_storage_accounts(db, account_id=account_id)]
        query = query.where(
            or_(
                RepositoryRow.account_id == account_id.lower(),
                RepositoryRow.storage_account_id.in_(seen),
            )
        )
    if ids:
        query = query.where(RepositoryRow.id.in_([id_.lower() for id_ in ids]))
    found = [from_row(row) for row in read(db, query)]
    return [item for item in found if not tiers or _has_tier(item, tiers)]


def name_is_taken(db: Session, name: str, *, except_id: str | None = None) -> bool:
    """Whether another repository has this name, without regard to case."""
    query = select(RepositoryRow.id).where(RepositoryRow.name_key == name.lower())
    holder = db.scalar(query)
    return holder is not None and holder != except_id


def at_location(db: Session, key: str) -> RepositoryRow | None:
    """The repository registered for a location (``facts.location_key``)."""
    return db.scalar(select(RepositoryRow).where(RepositoryRow.location_key == key))


def session_at_work(db: Session, repository_id: str) -> str | None:
    """A session that is not final and works in the repository: says so itself, or in the uses."""
    open_sessions = select(SessionRow.id).where(SessionRow.status.in_(ACTIVE))
    own = open_sessions.where(SessionRow.repository_id == repository_id)
    found = db.scalar(own.order_by(SessionRow.created_at).limit(1))
    if found is not None:
        return found
    users = users_of(db, Thing(USED_KIND, repository_id), user_kind=SESSION_USER_KIND)
    named = open_sessions.where(SessionRow.id.in_([user.id for user in users]))
    return db.scalar(named.limit(1)) if users else None


def oldest_work(db: Session) -> datetime | None:
    """Since when the longest session that is not final has been there; none: ``None``."""
    return db.scalar(select(func.min(SessionRow.created_at)).where(SessionRow.status.in_(ACTIVE)))


def find_upkeep(db: Session, repository_id: str) -> UpkeepRow | None:
    """What is remembered of a repository from the last time it was looked after."""
    return db.get(UpkeepRow, repository_id)


def deleted_points(db: Session, point_ids: Collection[str]) -> set[str]:
    """Those of the points that a session of ours has deleted."""
    query = select(ItemRow.key).where(ItemRow.kind == _DELETED_ITEM, ItemRow.key.in_(point_ids))
    return set(db.scalars(query))


def delete_row(db: Session, repository_id: str) -> None:
    """Remove the registration, and what is remembered of the repository."""
    db.execute(delete(UpkeepRow).where(UpkeepRow.repository_id == repository_id))
    db.execute(delete(RepositoryRow).where(RepositoryRow.id == repository_id))


def _has_tier(item: RepositoryFacts, tiers: Collection[str]) -> bool:
    return item.tier in tiers or (item.tier_inferred and "Inferred" in tiers)
