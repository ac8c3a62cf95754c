"""The list of policies with its filters, and what is shown beside each row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.vm.choose import chosen_machines
from kyanite.areas.vm.policy_runs import LatestRuns, latest_runs
from kyanite.areas.vm.policy_schedule import next_runs
from kyanite.areas.vm.policy_settings import target_repositories
from kyanite.areas.vm.policy_wire import PolicyState
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.json_types import as_object
from kyanite.contract.models.policy import GetPoliciesQuery
from kyanite.contract.models.shared import PolicyStatus


def policies(db: Session, query: GetPoliciesQuery) -> list[PolicyRow]:
    """The policies that pass all filters, by priority.

    Rules: docs/behaviour/virtual-machines.md, section 2.13.
    """
    statement = select(PolicyRow).order_by(PolicyRow.priority, PolicyRow.id)
    if query.policy_name:
        statement = statement.where(func.lower(PolicyRow.name) == query.policy_name.lower())
    if query.policy_status:
        wanted = [status is PolicyStatus.ENABLED for status in query.policy_status]
        statement = statement.where(PolicyRow.is_enabled.in_(wanted))
    found = list(db.scalars(statement))
    if query.repository_id:
        repository_id = query.repository_id.lower()
        found = [
            policy
            for policy in found
            if repository_id in target_repositories(as_object(policy.settings)).values()
        ]
    if query.last_job_status:
        latest = latest_runs(db, [policy.id for policy in found])
        statuses = {status.value for status in query.last_job_status}
        found = [policy for policy in found if latest.get(policy.id, LatestRuns()).all & statuses]
    if query.virtual_machine_id:
        machine_id = query.virtual_machine_id.lower()
        found = [
            policy
            for policy in found
            if any(machine.id == machine_id for machine in chosen_machines(db, policy)[0])
        ]
    return found


def states(db: Session, found: Sequence[PolicyRow]) -> dict[str, PolicyState]:
    """Policy id → its state; a few statements for any number of policies."""
    ids = [policy.id for policy in found]
    latest, upcoming = latest_runs(db, ids), next_runs(db, ids)
    return {
        policy.id: PolicyState(
            latest.get(policy.id, LatestRuns()),
            _moment(upcoming.get(policy.id)) if policy.is_enabled else None,
        )
        for policy in found
    }


def protected_items(db: Session, found: Sequence[PolicyRow]) -> list[tuple[str, str, str]]:
    """(policy id, machine id, subscription id) of everything the policies protect now."""
    return [
        (policy.id, machine.id, machine.subscription_id)
        for policy in found
        for machine in chosen_machines(db, policy)[0]
    ]


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
