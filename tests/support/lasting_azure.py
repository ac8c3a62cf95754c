"""What is written to an appliance with Azure's help, and has to be so after it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from support.lasting_writes import Write, unchanged
from support.restarted import API, Restarted
from support.waiting import eventually

_STATE: Final = f"{API}/system/privateDeployment/state"


def _account(one: Restarted) -> str:
    """The house's account, saved by the first write that needs it."""
    if not one.house.account_id:
        one.house.save_account()
    return one.house.account_id


def _repository(one: Restarted) -> str:
    _account(one)
    if not one.house.repository_id:
        one.house.repository_id = one.house.create_repository("kept", concurrency_limit=3)
    return one.house.repository_id


def _policy(one: Restarted, machine: int = 0) -> str:
    """A policy for one machine of the scene, counted by name."""
    _repository(one)
    policy_id = one.house.policy("kept", [one.house.machines()[machine]], keep=4)
    return f"{API}/policies/virtualMachines/{policy_id}"


def _disabled_policy(one: Restarted) -> str:
    path = _policy(one, 1)
    one.done("POST", f"{path}/disable")
    return path


def _removed_policy(one: Restarted) -> str:
    path = _policy(one, 2)
    one.done("POST", f"{path}/disable")
    one.done("DELETE", path)
    return path


def _mode(one: Restarted, **changes: object) -> dict[str, Any]:
    """A mode of deployment that names a resource group, which Azure is asked for."""
    subscription = one.house.lab.azure.subscription_ids[0]
    return {
        "privateDeploymentEnabled": True,
        "privateDnsZoneSetting": "ManageARecords",
        "privateDnsZoneResourceGroupId": f"/subscriptions/{subscription}/resourceGroups/backup",
        "autoCreateServiceEndpoints": False,
        "storageAccountPublicAccess": "Disabled",
        **changes,
    }


def _has_mode(one: Restarted, mode: dict[str, Any], *, updating: bool) -> bool:
    state = one.done("GET", _STATE)
    return bool(state == state | mode | {"error": None, "isUpdating": updating})


def _private(one: Restarted) -> None:
    """One mode holds, and Azure is being asked about the next when the plug is pulled."""
    _account(one)
    one.done("PUT", _STATE, _mode(one))
    eventually(lambda: _has_mode(one, _mode(one), updating=False), within_seconds=60)
    with _azure_held(one, r"/resourceGroups/backup$"):
        one.done("PUT", _STATE, _mode(one, autoCreateServiceEndpoints=True))


def _next_mode_is_decided(one: Restarted, _: Any) -> bool:
    if not _has_mode(one, _mode(one), updating=True):
        return False
    one.house.control.clear_faults()
    wanted = _mode(one, autoCreateServiceEndpoints=True)
    eventually(lambda: _has_mode(one, wanted, updating=False), within_seconds=60)
    return True


def _check(one: Restarted) -> None:
    """Azure is being asked for a check of the configuration when the plug is pulled."""
    _account(one)
    with _azure_held(one, r"/permissions|/roleAssignments|/subscriptions$"):
        wanted = {"checkType": ["AzureAccounts", "PortalUsers"]}
        one.done("POST", f"{API}/configuration/check", wanted)


def _check_comes_to_its_end(one: Restarted, _: Any) -> bool:
    one.house.control.clear_faults()
    path = f"{API}/configuration/checkSession"
    eventually(lambda: one.done("GET", path)["overallStatus"] != "Running", within_seconds=60)
    lines = {line["type"]: line["status"] for line in one.done("GET", path)["logLine"]}
    return lines == {"AzureAccounts": "Success", "PortalUsers": "VerificationNeeded"}


@contextmanager
def _azure_held(one: Restarted, path: str) -> Iterator[None]:
    """Azure keeps one request waiting, which the block has led to, until faults are cleared."""
    control = one.house.control
    fault = control.add_fault(path=path, hold="before")
    yield
    eventually(
        lambda: any(found["held"] for found in control.faults() if found["id"] == fault),
        within_seconds=60,
        what=f"a request for {path}",
    )


WITH_AZURE: Final = (
    unchanged("service account", lambda one: f"{API}/accounts/azure/service/{_account(one)}"),
    unchanged("repository", lambda one: f"{API}/repositories/{_repository(one)}"),
    unchanged("policy", _policy),
    unchanged("disabled policy", _disabled_policy),
    Write("removed policy", _removed_policy, lambda one, path: one.call("GET", path)[0] == 404),
    # The last ones: they leave Azure in a state that keeps others waiting.
    Write("private deployment", _private, _next_mode_is_decided),
    Write("configuration check", _check, _check_comes_to_its_end),
)
