"""Policies: made, changed, switched on and off, deleted (docs/behaviour/virtual-machines.md §2)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.accounts import USED_KIND as ACCOUNT
from kyanite.areas.repositories import USED_KIND as REPOSITORY
from kyanite.areas.sessions import active_sessions, policy_removed
from kyanite.areas.vm.policy_body import settings_of
from kyanite.areas.vm.policy_queries import get_policy, lock_policy
from kyanite.areas.vm.policy_references import check_references
from kyanite.areas.vm.policy_schedule import put_in_timetable, schedule_id
from kyanite.areas.vm.policy_settings import target_repositories
from kyanite.areas.vm.repository_follower import POLICY_USER_KIND
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.clock import Clock
from kyanite.base.errors import Conflict, Invalid
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, as_object
from kyanite.contract.models.policy import NewPolicyFromClient, UpdatedPolicyFromClient
from kyanite.db.uses import Thing, forget_user, lock_used, replace_uses
from kyanite.durable.timetable import Timetable


@dataclass(frozen=True)
class Policies:
    """The use cases. Each works in the caller's transaction."""

    timetable: Timetable
    clock: Clock

    def create(self, db: Session, body: NewPolicyFromClient) -> PolicyRow:
        """Add a policy, last in priority. Raises Invalid naming the members that are wrong."""
        settings = settings_of(body)
        self._require_free_name(db, body.name, None)
        tenant_id, account_id = body.tenant_id, str(body.service_account_id)
        _lock_used(db, settings, account_id)
        check_references(db, settings, tenant_id=tenant_id, account_id=account_id)
        last = db.scalar(select(func.max(PolicyRow.priority)))
        policy = PolicyRow(
            id=new_id(),
            name=body.name,
            priority=(last or 0) + 1,
            is_enabled=body.is_enabled is not False,
            tenant_id=tenant_id.lower(),
            service_account_id=account_id,
            settings=settings,
            created_at=self.clock.now(),
        )
        db.add(policy)
        db.flush()
        self._settle(db, policy)
        return policy

    def update(self, db: Session, policy_id: str, body: UpdatedPolicyFromClient) -> None:
        """Replace the settings; tenant and account stay when they are left out."""
        settings = settings_of(body)
        lock_policy(db, policy_id)
        policy = get_policy(db, policy_id)
        self._require_free_name(db, body.name, policy_id)
        tenant_id = body.tenant_id or policy.tenant_id
        account_id = str(body.service_account_id or policy.service_account_id)
        _lock_used(db, settings, account_id)
        check_references(
            db,
            settings,
            tenant_id=tenant_id,
            account_id=account_id,
            known_before=as_object(policy.settings),
        )
        policy.name = body.name
        policy.is_enabled = body.is_enabled is not False
        policy.tenant_id = tenant_id.lower()
        policy.service_account_id = account_id
        policy.settings = settings
        db.flush()
        self._settle(db, policy)

    def set_enabled(self, db: Session, policy_id: str, *, enabled: bool) -> None:
        """Switch the schedule on or off; starting by hand works either way."""
        lock_policy(db, policy_id)
        policy = get_policy(db, policy_id)
        policy.is_enabled = enabled
        db.flush()
        put_in_timetable(db, self.timetable, policy)

    def reset_change_tracking(self, db: Session, policy_id: str) -> None:
        """The next backup of each machine reads all allocated data."""
        lock_policy(db, policy_id)
        get_policy(db, policy_id).cbt_reset_at = self.clock.now()

    def delete(self, db: Session, policy_id: str) -> None:
        """Forget the policy. Its points stay and age on. Raises Conflict while it runs."""
        lock_policy(db, policy_id)
        policy = get_policy(db, policy_id)
        running = active_sessions(db, policy_id)
        if running:
            raise Conflict(
                f"The policy {policy.name} is running; wait for its end or stop it.",
                resource_id=policy_id,
                session_id=running[0],
            )
        self.timetable.remove(db, schedule_id(policy_id))
        forget_user(db, Thing(POLICY_USER_KIND, policy_id))
        policy_removed(db, policy_id)
        db.delete(policy)
        db.flush()
        for priority, left in enumerate(
            db.scalars(select(PolicyRow).order_by(PolicyRow.priority)), start=1
        ):
            left.priority = priority

    def _settle(self, db: Session, policy: PolicyRow) -> None:
        """Tell the timetable and the table of uses what the policy says now."""
        put_in_timetable(db, self.timetable, policy)
        used = [Thing(ACCOUNT, policy.service_account_id)]
        used += [
            Thing(REPOSITORY, one)
            for one in target_repositories(as_object(policy.settings)).values()
        ]
        replace_uses(db, Thing(POLICY_USER_KIND, policy.id), used)

    def _require_free_name(self, db: Session, name: str, own_id: str | None) -> None:
        same = select(PolicyRow.id).where(func.lower(PolicyRow.name) == name.lower())
        if any(found != own_id for found in db.scalars(same)):
            raise Invalid.member("name", f"There is a policy {name} already.")


def _lock_used(db: Session, settings: JsonObject, account_id: str) -> None:
    """What the policy is about to use must not be deleted between the look and the commit."""
    repositories = target_repositories(settings).values()
    used = [Thing(REPOSITORY, id_) for id_ in repositories if id_]
    lock_used(db, [Thing(ACCOUNT, account_id), *used])
