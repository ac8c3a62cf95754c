"""Signed-in people, their tenants and groups, as the contract shows and takes them."""

from __future__ import annotations

from collections.abc import Sequence

from kyanite.areas.accounts.people import GroupsView, PersonSignIn, TenantView
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.azure_service_account import AzureAuthenticationResult


def person_of(body: AzureAuthenticationResult) -> PersonSignIn:
    """The sign-in that a request brings."""
    cloud = body.azure_environment
    return PersonSignIn(
        cloud.value if cloud else "Global", body.access_token_cache, body.tenant_id or None
    )


def purposes_of(body: AzureAuthenticationResult) -> tuple[str, ...]:
    """What the account will be for."""
    return tuple(purpose.value for purpose in body.azure_account_purposes or ())


def tenants(environment: str, found: Sequence[TenantView]) -> JsonObject:
    """``TenantsListingResult``."""
    return {"tenants": [_tenant(environment, one) for one in found]}


def _tenant(environment: str, one: TenantView) -> JsonObject:
    registers = {True: "Allowed", False: "NotAllowed", None: "Unknown"}
    return {
        "tenant": {"tenantId": one.id, "name": one.name, "_links": None},
        "subscriptions": [
            {
                "id": subscription.id,
                "environment": environment,
                "tenantId": subscription.tenant_id,
                "tenantName": one.name,
                "name": subscription.name,
                "status": "Active" if subscription.state == "Enabled" else "Disabled",
                "availability": "Available",
                "workerResourceGroupName": None,
                "_links": None,
            }
            for subscription in one.subscriptions
        ],
        "userAppRegistrationStatus": registers[one.may_register],
        "accessStatus": one.access,
    }


def groups(found: GroupsView) -> JsonObject:
    """``AdGroupListingResult``."""
    return {
        "adGroups": [{"id": id_, "displayName": name} for id_, name in found.groups],
        "userAdPermissions": {
            "userCanSetAdGroup": found.may_set_group,
            "userCanRenewAdApp": found.may_renew_application,
        },
    }
