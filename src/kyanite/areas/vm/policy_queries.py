"""Every SQL statement on policies."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.errors import NotFound
from kyanite.db.locks import lock


def get_policy(db: Session, policy_id: str) -> PolicyRow:
    """One policy. Raises ``NotFound``."""
    policy = db.get(PolicyRow, policy_id)
    if policy is None:
        raise NotFound(f"There is no policy {policy_id}")
    return policy


def find_policy(db: Session, policy_id: str | None) -> PolicyRow | None:
    """One policy, or ``None`` when there is none (any more)."""
    return db.get(PolicyRow, policy_id) if policy_id else None


def lock_policy(db: Session, policy_id: str) -> None:
    """Before a look at a policy that is to be started or deleted: one of the two at a time."""
    lock(db, f"vm-policy {policy_id}")


def enabled_policies_beside(db: Session, policy_id: str) -> Sequence[PolicyRow]:
    """The enabled policies other than this one."""
    return db.scalars(
        select(PolicyRow).where(PolicyRow.is_enabled, PolicyRow.id != policy_id)
    ).all()


def policy_names(db: Session, policy_ids: Collection[str]) -> dict[str, str]:
    """Names of policies by id; those that do not exist are left out."""
    wanted = select(PolicyRow.id, PolicyRow.name).where(PolicyRow.id.in_(list(policy_ids)))
    return {row.id: row.name for row in db.execute(wanted)}
