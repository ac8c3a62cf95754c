"""What the contract has no operation for: making an application in a person's name, the managed
identity of the appliance, roles as scripts. Described in our own document."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.credentials import Credential
from kyanite.areas.accounts.device_sign_ins import DeviceSignIns
from kyanite.areas.accounts.drafts import AccountLogin, NewAccount
from kyanite.areas.accounts.registration import Registration, Wish
from kyanite.areas.accounts.routes.permissions import role_file
from kyanite.areas.accounts.routes.service_accounts import Accounts, Running
from kyanite.base.json_types import JsonObject
from kyanite.contract.models import shared
from kyanite.contract.models.azure_service_account import AsyncOperationOfString
from kyanite.contract.models.shared import AzureAccountPurpose, AzureEnvironment
from kyanite.contract.operation import Answer, Body, Operation
from kyanite.contract.wire_model import WireModel
from kyanite.http.answers import Answered
from kyanite.http.audit import note
from kyanite.http.exports import attachment
from kyanite.http.provide import Provided
from kyanite.http.rights import Right
from kyanite.http.routes import OWN_PREFIX, Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.custom_role import custom_role

routes = Routes()
_BASE: Final = f"{OWN_PREFIX}accounts/azure"
_TAG: Final = "AzureServiceAccount"
_PROBLEMS: Final = (
    Answer(400, "application/problem+json", shared.ProblemDetails400),
    Answer(401, "application/problem+json", shared.ProblemDetails401),
    Answer(403, "application/problem+json", shared.ProblemDetails403),
    Answer(404, "application/problem+json", shared.ProblemDetails404),
)


class DeviceSignInRequest(WireModel):
    """Where the person is to sign in."""

    azure_environment: Annotated[AzureEnvironment | None, Field(alias="azureEnvironment")] = None
    tenant_id: Annotated[
        str, Field(alias="tenantId", max_length=255, description="Id of the tenant, or its domain")
    ]


class DeviceSignIn(WireModel):
    """What to tell the person."""

    id: UUID
    user_code: Annotated[str, Field(alias="userCode")]
    verification_uri: Annotated[str, Field(alias="verificationUri")]
    message: str
    expires_in_seconds: Annotated[int, Field(alias="expiresInSeconds")]
    interval_seconds: Annotated[int, Field(alias="intervalSeconds")]


class DeviceSignInState(WireModel):
    """Whether somebody has signed in; ``person`` is who."""

    signed_in: Annotated[bool, Field(alias="signedIn")]
    person: str | None = None


class RegistrationRequest(WireModel):
    """The account to be made, with an application of its own."""

    name: Annotated[str, Field(max_length=255)]
    description: Annotated[str | None, Field(max_length=4000)] = None
    purposes: list[AzureAccountPurpose] | None = None
    subscription_ids: Annotated[list[UUID] | None, Field(alias="subscriptionIds")] = None
    group_id: Annotated[UUID | None, Field(alias="groupId")] = None
    group_name: Annotated[str | None, Field(alias="groupName", max_length=256)] = None


class MachineAccountRequest(WireModel):
    """An account that signs in as the machine the appliance runs on."""

    name: Annotated[str, Field(max_length=255)]
    description: Annotated[str | None, Field(max_length=4000)] = None
    azure_environment: Annotated[AzureEnvironment | None, Field(alias="azureEnvironment")] = None
    tenant_id: Annotated[UUID, Field(alias="tenantId")]
    client_id: Annotated[
        UUID,
        Field(alias="clientId", description="Of the identity, as its page in the portal shows it"),
    ]
    purposes: list[AzureAccountPurpose] | None = None
    subscription_ids: Annotated[list[UUID] | None, Field(alias="subscriptionIds")] = None


class RoleFormat(StrEnum):
    """``Json``: for the portal and the Resource Manager. ``PowerShell``: a script."""

    JSON = "Json"
    POWER_SHELL = "PowerShell"


class RoleQuery(WireModel):
    """Where the role is to be assignable; nothing named: in all subscriptions of the account."""

    subscription_id: Annotated[list[UUID] | None, Field(alias="SubscriptionId")] = None
    format: Annotated[RoleFormat | None, Field(alias="Format")] = None


BEGIN: Final = Operation(
    "AzureServiceAccount_BeginDeviceSignIn", "POST", f"{_BASE}/deviceSignIns", _TAG,
    (Answer(200, "application/json", DeviceSignIn), *_PROBLEMS),
    body=Body("application/json", DeviceSignInRequest),
)  # fmt: skip
ASK: Final = Operation(
    "AzureServiceAccount_GetDeviceSignIn", "GET", f"{_BASE}/deviceSignIns/{{signInId}}", _TAG,
    (Answer(200, "application/json", DeviceSignInState), *_PROBLEMS),
)  # fmt: skip
REGISTER: Final = Operation(
    "AzureServiceAccount_Register", "POST", f"{_BASE}/deviceSignIns/{{signInId}}/register", _TAG,
    (
        Answer(200, "application/json", str),
        Answer(202, "application/json", AsyncOperationOfString),
        *_PROBLEMS,
    ),
    body=Body("application/json", RegistrationRequest),
)  # fmt: skip
REPAIR: Final = Operation(
    "AzureServiceAccount_Repair", "POST",
    f"{_BASE}/deviceSignIns/{{signInId}}/repair/{{accountId}}", _TAG,
    (
        Answer(200, "application/json", str),
        Answer(202, "application/json", AsyncOperationOfString),
        *_PROBLEMS,
    ),
)  # fmt: skip
SAVE_MACHINE: Final = Operation(
    "AzureServiceAccount_SaveByManagedIdentity", "POST", f"{_BASE}/managedIdentity", _TAG,
    (
        Answer(200, "application/json", str),
        Answer(202, "application/json", AsyncOperationOfString),
        *_PROBLEMS,
    ),
    body=Body("application/json", MachineAccountRequest),
)  # fmt: skip
ROLE: Final = Operation(
    "AzureServiceAccount_GetRole", "GET", f"{_BASE}/service/{{accountId}}/role", _TAG,
    (Answer(200, "application/octet-stream", bytes), *_PROBLEMS),
    query=RoleQuery,
)  # fmt: skip

SignIns = Annotated[DeviceSignIns, Provided(DeviceSignIns)]
Registers = Annotated[Registration, Provided(Registration)]


@routes.own(BEGIN, Right.ACCOUNTS_WRITE)
def begin(body: DeviceSignInRequest, sign_ins: SignIns, principal: SignedIn) -> JsonObject:
    """A code for a person to enter at the directory's page."""
    begun = sign_ins.begin(principal.user_id, _cloud(body.azure_environment), body.tenant_id)
    return {
        "id": begun.id,
        "userCode": begun.user_code,
        "verificationUri": begun.verification_uri,
        "message": begun.message,
        "expiresInSeconds": begun.expires_in_seconds,
        "intervalSeconds": begun.interval_seconds,
    }


@routes.own(ASK, Right.ACCOUNTS_WRITE)
def ask(signInId: str, sign_ins: SignIns, principal: SignedIn) -> JsonObject:  # noqa: N803
    """Whether the person has signed in; ask at the interval."""
    person = sign_ins.ask(signInId, principal.user_id)
    return {"signedIn": person is not None, "person": person}


@routes.own(REGISTER, Right.ACCOUNTS_WRITE)
def register(
    signInId: str,  # noqa: N803
    body: RegistrationRequest,
    registration: Registers,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """Make application, role, secret and account in the person's name; answers the account's id."""
    wish = Wish(
        body.name.strip(),
        body.description,
        _purposes(body.purposes),
        tuple(str(one) for one in body.subscription_ids or ()),
        str(body.group_id) if body.group_id else None,
        body.group_name if body.group_id else None,
    )
    note(request, wish.name)

    def make(_db: Session) -> str:
        return registration.create(signInId, principal.user_id, wish)

    return operations.answer(request, principal, make)


@routes.own(REPAIR, Right.ACCOUNTS_WRITE)
def repair(
    signInId: str,  # noqa: N803
    accountId: str,  # noqa: N803
    registration: Registers,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """Give an account the rights that its purposes need, in the person's name."""

    def give(_db: Session) -> str:
        registration.repair(signInId, principal.user_id, accountId)
        return accountId

    return operations.answer(request, principal, give)


@routes.own(SAVE_MACHINE, Right.ACCOUNTS_WRITE)
def save_machine(
    body: MachineAccountRequest,
    accounts: Accounts,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """Save an account that signs in as the appliance's own machine: there is no secret."""
    login = AccountLogin(
        environment=_cloud(body.azure_environment),
        application_id=str(body.client_id),
        tenant_id=str(body.tenant_id),
        credential=Credential(is_machine=True),
        certificate_name=None,
        purposes=_purposes(body.purposes),
        subscription_ids=tuple(str(one) for one in body.subscription_ids or ()),
    )
    new = NewAccount(body.name.strip(), body.description, login)
    note(request, f"{new.name}, managed identity {login.application_id}")

    def save(_db: Session) -> str:
        return accounts.save(new)

    return operations.answer(request, principal, save)


@routes.own(ROLE, Right.ACCOUNTS_WRITE)
def get_role(
    accountId: str,  # noqa: N803
    query: Annotated[RoleQuery, Query()],
    db: DbSession,
) -> Response:
    """The role with the rights that the account needs, ready to be made in Azure."""
    account = queries.get_account(db, accountId)
    ids = [str(one) for one in query.subscription_id or ()] or list(account.subscription_ids)
    scopes = [f"/subscriptions/{one}" for one in ids]
    role = custom_role(account.purposes, f"Kyanite {account.name}", scopes)
    if query.format is RoleFormat.POWER_SHELL:
        return attachment("role", "ps1", [b"\xef\xbb\xbf" + role.to_powershell().encode()])
    return role_file(role)


def _cloud(asked: AzureEnvironment | None) -> str:
    return asked.value if asked else "Global"


def _purposes(asked: list[AzureAccountPurpose] | None) -> tuple[str, ...]:
    return tuple(one.value for one in asked or ())
