"""Tag Policy: schedule-based policies for machines."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.requests import Request

from kyanite.areas.sessions import sessions_wire
from kyanite.areas.vm import policy_items, policy_list, policy_runs
from kyanite.areas.vm.policies import Policies
from kyanite.areas.vm.policy_queries import get_policy
from kyanite.areas.vm.policy_wire import policy_wire, protected_item_wire
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.policy import (
    GetPoliciesQuery,
    GetPolicyExcludedItemsQuery,
    GetPolicyProtectedItemsQuery,
    GetPolicyRegionsQuery,
    GetPolicySelectedItemsQuery,
    GetProtectedItemsQuery,
    NewPolicyFromClient,
    UpdatedPolicyFromClient,
)
from kyanite.http.answers import Answered
from kyanite.http.links import href
from kyanite.http.pages import page_of_all
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()
UsesPolicies = Annotated[Policies, Provided(Policies)]


@routes.operation("Policy_GetPolicies")
def list_policies(
    query: Annotated[GetPoliciesQuery, Query()], request: Request, db: DbSession
) -> JsonObject:
    """By priority."""
    found = policy_list.policies(db, query)
    states = policy_list.states(db, found)
    wires = [policy_wire(request, policy, states[policy.id]) for policy in found]
    return page_of_all(request, query, wires)


@routes.operation("Policy_CreatePolicy")
def create_policy(
    body: NewPolicyFromClient, request: Request, db: DbSession, policies: UsesPolicies
) -> Answered:
    """201 with the whole policy."""
    policy = policies.create(db, body)
    where = href(request, f"/policies/virtualMachines/{policy.id}")
    return Answered(201, _wire(db, request, policy), location=where)


@routes.operation("Policy_GetPolicy")
def read_policy(policyId: UUID, request: Request, db: DbSession) -> JsonObject:  # noqa: N803
    """One policy."""
    return _wire(db, request, get_policy(db, str(policyId)))


@routes.operation("Policy_UpdatePolicy")
def update_policy(
    policyId: UUID,  # noqa: N803
    body: UpdatedPolicyFromClient,
    db: DbSession,
    policies: UsesPolicies,
) -> None:
    """Replaces all settings."""
    policies.update(db, str(policyId), body)


@routes.operation("Policy_DeletePolicy")
def delete_policy(policyId: UUID, db: DbSession, policies: UsesPolicies) -> None:  # noqa: N803
    """Its restore points stay."""
    policies.delete(db, str(policyId))


@routes.operation("Policy_GetPolicySelectedItems")
def selected_items(
    policyId: UUID,  # noqa: N803
    query: Annotated[GetPolicySelectedItemsQuery, Query()],
    request: Request,
    db: DbSession,
) -> JsonObject:
    """What was chosen; empty for a policy of everything."""
    policy = get_policy(db, str(policyId))
    return page_of_all(request, query, policy_items.selected_items(db, request, policy))


@routes.operation("Policy_GetPolicyRegions")
def regions(
    policyId: UUID,  # noqa: N803
    query: Annotated[GetPolicyRegionsQuery, Query()],
    request: Request,
    db: DbSession,
) -> JsonObject:
    """The regions it covers."""
    policy = get_policy(db, str(policyId))
    return page_of_all(request, query, policy_items.policy_regions(db, policy))


@routes.operation("Policy_GetPolicyExcludedItems")
def excluded_items(
    policyId: UUID,  # noqa: N803
    query: Annotated[GetPolicyExcludedItemsQuery, Query()],
    request: Request,
    db: DbSession,
) -> JsonObject:
    """What is left out."""
    policy = get_policy(db, str(policyId))
    items = policy_items.excluded_items(db, request, policy, query.name_search_pattern)
    return page_of_all(request, query, items)


@routes.operation("Policy_EnablePolicy")
def enable_policy(policyId: UUID, db: DbSession, policies: UsesPolicies) -> None:  # noqa: N803
    """It starts by itself again."""
    policies.set_enabled(db, str(policyId), enabled=True)


@routes.operation("Policy_DisablePolicy")
def disable_policy(policyId: UUID, db: DbSession, policies: UsesPolicies) -> None:  # noqa: N803
    """It starts only by hand."""
    policies.set_enabled(db, str(policyId), enabled=False)


@routes.operation("Policy_StartPolicy")
def start_policy(
    policyId: UUID,  # noqa: N803
    request: Request,
    db: DbSession,
    principal: SignedIn,
) -> list[JsonObject]:
    """All sessions that this run will have."""
    started = policy_runs.start_by_hand(db, str(policyId), principal.username)
    return sessions_wire(db, request, started)


@routes.operation("Policy_StopPolicy")
def stop_policy(policyId: UUID, db: DbSession) -> None:  # noqa: N803
    """Nothing happens to an idle policy."""
    policy_runs.stop_runs(db, str(policyId))


@routes.operation("Policy_ResetCbt")
def reset_cbt(policyId: UUID, db: DbSession, policies: UsesPolicies) -> None:  # noqa: N803
    """The next backups read everything."""
    policies.reset_change_tracking(db, str(policyId))


@routes.operation("Policy_GetProtectedItems")
def all_protected_items(
    query: Annotated[GetProtectedItemsQuery, Query()], request: Request, db: DbSession
) -> JsonObject:
    """What all enabled policies protect now."""
    enabled = [one for one in policy_list.policies(db, GetPoliciesQuery()) if one.is_enabled]
    return _protected(db, request, query, enabled)


@routes.operation("Policy_GetPolicyProtectedItems")
def protected_items(
    policyId: UUID,  # noqa: N803
    query: Annotated[GetPolicyProtectedItemsQuery, Query()],
    request: Request,
    db: DbSession,
) -> JsonObject:
    """What one policy protects now; an unknown policy protects nothing (no 404 is declared)."""
    found = db.get(PolicyRow, str(policyId))
    return _protected(db, request, query, [found] if found else [])


def _protected(
    db: DbSession,
    request: Request,
    query: GetProtectedItemsQuery | GetPolicyProtectedItemsQuery,
    policies: list[PolicyRow],
) -> JsonObject:
    items = [
        protected_item_wire(policy_id, (machine_id, subscription_id))
        for policy_id, machine_id, subscription_id in policy_list.protected_items(db, policies)
    ]
    return page_of_all(request, query, items)


def _wire(db: DbSession, request: Request, policy: PolicyRow) -> JsonObject:
    return policy_wire(request, policy, policy_list.states(db, [policy])[policy.id])
