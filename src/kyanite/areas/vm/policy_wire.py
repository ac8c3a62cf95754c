"""Policies as the contract shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request

from kyanite.areas.vm.policy_runs import LatestRuns
from kyanite.areas.vm.policy_settings import selection_of, target_repositories
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.json_types import JsonObject, JsonValue, as_object
from kyanite.http.answers import wire_time
from kyanite.http.links import self_link

_SCHEDULES: Final = ("dailySchedule", "weeklySchedule", "monthlySchedule", "yearlySchedule")
# Members of the stored body that are shown as they were sent.
_SHOWN: Final = (
    "retrySettings",
    "policyNotificationSettings",
    "backupType",
    "snapshotSettings",
    *_SCHEDULES,
    "healthCheckSchedule",
)


@dataclass(frozen=True)
class PolicyState:
    """What is known of a policy beside its row."""

    latest: LatestRuns
    next_run: datetime | None


def policy_wire(request: Request, policy: PolicyRow, state: PolicyState) -> JsonObject:
    """`Policy`."""
    settings = as_object(policy.settings)
    excluded = selection_of(settings)
    wire: dict[str, JsonValue] = {
        "id": policy.id,
        "priority": policy.priority,
        "excludedItemsCount": len(excluded.excluded_machines) + len(excluded.excluded_tags),
        "tenantId": policy.tenant_id,
        "serviceAccountId": policy.service_account_id,
        "name": policy.name,
        "description": settings.get("description"),
        "isEnabled": policy.is_enabled,
        "snapshotStatus": state.latest.snapshot,
        "backupStatus": state.latest.backup,
        "archiveStatus": state.latest.archive,
        "healthCheckStatus": state.latest.health_check,
        "nextExecutionTime": wire_time(state.next_run) if state.next_run else None,
        "convertedWithLoss": False,
        "isBackupConfigured": bool(target_repositories(settings)),
        "isArchiveBackupConfigured": False,
        "isScheduleConfigured": any(settings.get(name) is not None for name in _SCHEDULES),
        "cbtResetTimeUtc": wire_time(policy.cbt_reset_at) if policy.cbt_reset_at else None,
        "_links": self_link(request, f"/policies/virtualMachines/{policy.id}"),
    }
    return wire | {name: settings.get(name) for name in _SHOWN}


def protected_item_wire(policy_id: str, machine: tuple[str, str]) -> Mapping[str, JsonValue]:
    """`PolicyProtectedItem` for a machine's id and subscription."""
    return {"resourceId": machine[0], "policyId": policy_id, "subscriptionId": machine[1]}
