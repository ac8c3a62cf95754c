"""Service accounts as the contract shows and takes them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from kyanite.areas.accounts.accounts import ServiceAccount
from kyanite.areas.accounts.credentials import Credential, parse_certificate
from kyanite.areas.accounts.drafts import AccountLogin, NewAccount
from kyanite.areas.accounts.permission_check import SubscriptionFindings
from kyanite.areas.accounts.permission_findings import Findings
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.azure_service_account import (
    ClientLoginParameters,
    SaveAzureAccountInfo,
)
from kyanite.http.answers import wire_time
from kyanite.http.links import links
from kyanite.rules.account_edits import EditIssue


def account(request: Request, item: ServiceAccount) -> JsonObject:
    """``AzureAccount``. It has no member for a secret, and none is known here."""
    path = f"/accounts/azure/service/{item.id}"
    return {
        "accountId": item.id,
        "applicationId": item.application_id,
        "applicationCertificateName": item.certificate_name,
        "name": item.name,
        "description": item.description,
        "region": item.environment,
        "tenantId": item.tenant_id,
        "tenantName": item.tenant_name,
        "accountOrigin": item.origin,
        "expirationDate": wire_time(item.expires_at) if item.expires_at else None,
        "accountState": "Created",  # an account is stored only when it is complete
        "adGroupId": item.group_id,
        "cloudState": item.cloud_state,
        "adGroupName": item.group_name,
        "purposes": list(item.purposes),
        "managementGroupId": None,
        "managementGroupName": None,
        "subscriptionIds": list(item.subscription_ids),
        "selectedForWorkermanagement": item.selected_for_workers,
        "azurePermissionsState": list(item.permission_states),
        "azurePermissionsStateCheckTimeUtc": (
            wire_time(item.permissions_checked_at) if item.permissions_checked_at else None
        ),
        "subscriptionIdForWorkerDeployment": item.worker_subscription_id,
        "_links": links(request, self=path, checkPermissions=f"{path}/checkPermissions"),
    }


def new_account(body: SaveAzureAccountInfo) -> NewAccount:
    """The account to be saved. Raises ``Invalid``."""
    login = body.client_login_parameters
    if login is None:
        raise Invalid.member(
            "clientLoginParameters", "The credentials of the application are required."
        )
    return NewAccount(name_of(body), body.account_info.description, login_of(login))


def name_of(body: SaveAzureAccountInfo) -> str:
    """The name that is asked for."""
    return (body.account_info.name or "").strip()


def login_of(login: ClientLoginParameters) -> AccountLogin:
    """The application, its credential and what it is for. Raises ``Invalid``."""
    return AccountLogin(
        environment=login.azure_environment.value,
        application_id=str(login.application_id),
        tenant_id=str(login.tenant_id),
        credential=_credential(login),
        certificate_name=login.application_certificate_name,
        purposes=tuple(purpose.value for purpose in login.azure_account_purposes or ()),
        subscription_ids=tuple(dict.fromkeys(str(id_) for id_ in login.subscriptions or ())),
    )


def _credential(login: ClientLoginParameters) -> Credential:
    certificate = login.application_certificate
    return Credential(
        secret=login.client_secret or "",
        certificate=parse_certificate(certificate) if certificate else b"",
        certificate_password=login.certificate_password or "",
    )


def findings(outcome: Findings) -> JsonObject:
    """``SubscriptionsListingResult``."""
    return {
        "environment": outcome.environment,
        "applianceTenantId": None,  # the appliance needs no identity of its own in a tenant
        "defaultTenantId": outcome.tenant_id,
        "defaultTenantName": outcome.tenant_name,
        "subscriptions": [_subscription(item) for item in outcome.subscriptions],
        "requiredRolesHint": list(outcome.roles),
    }


def _subscription(item: SubscriptionFindings) -> JsonObject:
    found = item.permissions
    missing_providers = item.missing_providers
    if missing_providers is None:
        providers_state = "Unknown"
    else:
        providers_state = "Insufficient" if missing_providers else "AvailableAll"
    return {
        "id": item.subscription.id,
        "name": item.subscription.name or None,
        "tenantId": item.subscription.tenant_id or None,
        "permissionsState": found.sufficiency.value if found else "Unknown",
        "missingPermissions": list(found.missing_actions) if found else [],
        "missingDataActions": list(found.missing_data_actions) if found else [],
        "resourceProvidersState": providers_state,
        "missingResourceProviders": list(missing_providers or ()),
        "purposes": list(found.working_purposes) if found else [],
        "missingPurposes": [
            {
                "purpose": lack.purpose,
                "missingActions": list(lack.missing_actions),
                "missingDataActions": list(lack.missing_data_actions),
            }
            for lack in (found.lacks if found else ())
        ],
        "availability": "Available" if item.available else "NotAvailable",
    }


ACCOUNT_COLUMNS = (
    *("accountId", "name", "description", "applicationId", "tenantId", "tenantName", "region"),
    *("accountOrigin", "expirationDate", "cloudState", "purposes", "subscriptionIds"),
    *("selectedForWorkermanagement", "azurePermissionsState", "azurePermissionsStateCheckTimeUtc"),
)


def account_columns(item: ServiceAccount) -> list[object]:
    """A row of the export, by ``ACCOUNT_COLUMNS``."""
    return [
        item.id,
        item.name,
        item.description,
        item.application_id,
        item.tenant_id,
        item.tenant_name,
        item.environment,
        item.origin,
        item.expires_at,
        item.cloud_state,
        list(item.purposes),
        list(item.subscription_ids),
        item.selected_for_workers,
        list(item.permission_states),
        item.permissions_checked_at,
    ]


def edit_validation(issues: Sequence[EditIssue]) -> JsonObject:
    """``AccountEditValidationResult``."""
    worst = "Success" if not issues else "Warning"
    if any(issue.is_error for issue in issues):
        worst = "Error"
    return {
        "result": worst,
        "issues": [
            {
                "type": issue.type,
                "subscription": issue.subscription_id,
                "policy": issue.policy,
                "resources": list(issue.resources),
            }
            for issue in issues
        ],
    }


def suitable_account(item: ServiceAccount) -> JsonObject:
    """``WorkerManagementSuitableAccount``."""
    return {
        "azureAccountId": item.id,
        "azureAccountName": item.name,
        "tenantId": item.tenant_id,
        "tenantName": item.tenant_name,
        "subscriptions": [
            {"subscriptionId": one, "subscriptionName": item.subscription_names.get(one, "")}
            for one in item.visible_subscription_ids
        ],
    }
