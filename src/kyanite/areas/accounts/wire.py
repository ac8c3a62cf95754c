"""Service accounts as the contract shows and takes them."""

from __future__ import annotations

from starlette.requests import Request

from kyanite.areas.accounts.accounts import ServiceAccount
from kyanite.areas.accounts.credentials import Credential, parse_certificate
from kyanite.areas.accounts.permission_check import SubscriptionFindings
from kyanite.areas.accounts.service_accounts import Findings, NewAccount
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.azure_service_account import (
    ClientLoginParameters,
    SaveAzureAccountInfo,
)
from kyanite.http.answers import wire_time
from kyanite.http.links import links


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
        "adGroupId": None,
        "cloudState": item.cloud_state,
        "adGroupName": None,
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
    return NewAccount(
        name=(body.account_info.name or "").strip(),
        description=body.account_info.description,
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
        "environment": outcome.account.environment,
        "applianceTenantId": None,  # the appliance needs no identity of its own in a tenant
        "defaultTenantId": outcome.account.tenant_id,
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
