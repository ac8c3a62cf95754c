"""What is missing is named: against an Azure in which rights are given and taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.areas.accounts.credentials import Credential
from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.base.json_types import JsonObject, as_list, as_object
from kyanite.rules.permission_sets import ALL_PURPOSES, permission_set
from kyanite.rules.permissions import Grant, allows
from support.azure_parts import SECRETS, AzureParts
from support.lab import Control

RESTRICTED_ID = "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02"
RESTRICTED_OBJECT = "7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a02"
RESTRICTED_SECRET = "restricted-secret-of-the-small-scene"
ROLE = "5d1c9a80-0000-4000-8000-000000000001"
ASSIGNMENT = "5d1c9a80-0000-4000-8000-000000000002"
ROLES = "/providers/Microsoft.Authorization/roleDefinitions"
VERSION = "api-version=2022-04-01"

ACTIONS = sorted({a.lower(): a for p in ALL_PURPOSES for a in permission_set(p).actions}.values())
DATA_ACTIONS = sorted({a for p in ALL_PURPOSES for a in permission_set(p).data_actions})

pytestmark = pytest.mark.control


class Rights:
    """The custom role of the restricted application in the first subscription."""

    def __init__(self, parts: AzureParts) -> None:
        self._parts = parts
        self.subscription_id = parts.azure.subscription_ids[0]
        self.scope = f"/subscriptions/{self.subscription_id}"

    def set(self, **permissions: list[str]) -> None:
        """Give exactly these; members as in a role definition."""
        self._parts.arm(
            "PUT",
            f"{self.scope}{ROLES}/{ROLE}?{VERSION}",
            {
                "properties": {
                    "roleName": "Kyanite",
                    "type": "CustomRole",
                    "assignableScopes": [self.scope],
                    "permissions": [permissions],
                }
            },
        )

    def assign(self) -> None:
        """Let the application have the role."""
        self._parts.arm(
            "PUT",
            f"{self.scope}/providers/Microsoft.Authorization/roleAssignments/{ASSIGNMENT}?{VERSION}",
            {
                "properties": {
                    "roleDefinitionId": f"{self.scope}{ROLES}/{ROLE}",
                    "principalId": RESTRICTED_OBJECT,
                    "principalType": "ServicePrincipal",
                }
            },
        )


@pytest.fixture
def rights(parts: AzureParts, control: Control) -> Iterator[Rights]:
    """The rights of the restricted application: everything in the first subscription."""
    rights = Rights(parts)
    rights.set(actions=["*"], dataActions=["*"])
    rights.assign()
    yield rights
    control.reset()


@pytest.fixture
def account_id(parts: AzureParts, rights: Rights) -> str:
    """A service account of the restricted application."""
    return parts.save_account(applicationId=RESTRICTED_ID, clientSecret=RESTRICTED_SECRET)


def check(parts: AzureParts, account_id: str, **query: str) -> JsonObject:
    """The findings in the one subscription that the application sees."""
    answer = parts.call("POST", f"/accounts/azure/service/{account_id}/checkPermissions", **query)
    assert answer.status_code == 200, answer.text
    found: JsonObject = answer.json()
    return found


def first(findings: JsonObject) -> JsonObject:
    """The first subscription of the findings."""
    return as_object(as_list(findings["subscriptions"])[0])


def states(parts: AzureParts, account_id: str) -> object:
    """``azurePermissionsState`` of the account."""
    return parts.get(f"/accounts/azure/service/{account_id}")["azurePermissionsState"]


def test_with_all_rights_nothing_is_missing(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    findings = check(parts, account_id)
    assert findings["defaultTenantId"] == parts.azure.tenant_id
    assert findings["requiredRolesHint"] == []
    found = first(findings)
    assert found["id"] == rights.subscription_id
    assert found["permissionsState"] == "AvailableAll"
    assert found["purposes"] == list(ALL_PURPOSES)
    assert found["missingPurposes"] == []
    assert found["availability"] == "Available"
    assert states(parts, account_id) == ["AllPermissionsAvailable"]


def test_the_documented_list_alone_is_enough(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    rights.set(actions=ACTIONS, dataActions=DATA_ACTIONS)
    found = first(check(parts, account_id))
    assert found["missingPermissions"] == []
    assert found["permissionsState"] == "AvailableAll"


def taken_away(parts: AzureParts, rights: Rights, account_id: str, action: str) -> None:
    """Without ``action`` exactly that one is named, and the account's state says so."""
    others = [a for a in ACTIONS if a != action]
    rights.set(actions=others, dataActions=DATA_ACTIONS)
    found = first(check(parts, account_id))
    if allows([Grant(actions=tuple(others))], action):  # a wildcard of the list covers it
        assert found["missingPermissions"] == []
        return
    assert found["missingPermissions"] == [action]
    assert found["missingDataActions"] == []
    assert states(parts, account_id) == ["MissingPermissions"]
    for lack in map(as_object, as_list(found["missingPurposes"])):
        assert lack["missingActions"] == [action]


def test_each_action_taken_away_in_turn_is_the_only_one_named(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    for action in ACTIONS:
        taken_away(parts, rights, account_id, action)


def test_each_data_action_taken_away_in_turn_is_the_only_one_named(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    for action in DATA_ACTIONS:
        rights.set(actions=["*"], dataActions=["*"], notDataActions=[action])
        found = first(check(parts, account_id))
        assert found["missingDataActions"] == [action]
        assert found["missingPermissions"] == []


def test_without_the_right_to_read_assignments_only_that_is_named(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    missing = "Microsoft.Authorization/roleAssignments/read"
    rights.set(actions=["*"], notActions=["Microsoft.Authorization/*"], dataActions=["*"])
    found = first(check(parts, account_id, purposes="VirtualMachineBackup"))
    assert found["missingPermissions"] == [missing]
    assert found["permissionsState"] == "Insufficient"


def test_some_working_purposes_are_a_subset(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    rights.set(actions=list(permission_set("VirtualMachineBackup").actions))
    found = first(check(parts, account_id, purposes="VirtualMachineBackup,AzureFiles,Repository"))
    assert found["permissionsState"] == "AvailableSubset"
    assert found["purposes"] == ["VirtualMachineBackup", "AzureFiles"]
    (lack,) = map(as_object, as_list(found["missingPurposes"]))
    assert lack["purpose"] == "Repository"


def test_missing_rights_do_not_prevent_saving(parts: AzureParts, rights: Rights) -> None:
    rights.set(actions=["*/read"])
    account_id = parts.save_account(applicationId=RESTRICTED_ID, clientSecret=RESTRICTED_SECRET)
    assert states(parts, account_id) == ["MissingPermissions"]


def test_a_check_of_a_part_still_brings_the_whole_state_up_to_date(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    rights.set(actions=["*"])  # no data actions: Repository lacks them
    found = first(check(parts, account_id, purposes="AzureFiles"))
    assert found["permissionsState"] == "AvailableAll"
    assert states(parts, account_id) == ["MissingPermissions"]


def test_a_subscription_out_of_sight_is_not_available(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    other = parts.azure.subscription_ids[1]
    found = first(check(parts, account_id, subscriptionId=other))
    assert (found["id"], found["availability"]) == (other, "NotAvailable")
    assert found["permissionsState"] == "Unknown"


def test_a_credential_that_azure_refuses_now_shows_in_the_state(
    parts: AzureParts, rights: Rights, account_id: str
) -> None:
    with parts.database.writing() as db:
        row = db.get_one(ServiceAccountRow, account_id)
        row.credential_sealed = Credential(secret="revoked").seal(SECRETS, account_id)
    answer = parts.call("POST", f"/accounts/azure/service/{account_id}/checkPermissions")
    assert answer.status_code == 400
    account = parts.get(f"/accounts/azure/service/{account_id}")
    assert account["cloudState"] == "InvalidClientSecret"
    assert account["azurePermissionsState"] == ["Unknown"]
