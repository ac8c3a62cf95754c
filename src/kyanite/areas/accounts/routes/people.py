"""AzureServiceAccount, look-ups as a signed-in person: section 1.8 of the behaviour file."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.accounts import people_wire
from kyanite.areas.accounts.people import People
from kyanite.areas.accounts.people_wire import person_of
from kyanite.areas.accounts.routes.service_accounts import Running
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.azure_service_account import (
    AzureAuthenticationResult,
    IsUserOwnerOfAdAppQuery,
    ListAdGroupRequest,
)
from kyanite.http.answers import Answered
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn

routes = Routes()

Looks = Annotated[People, Provided(People)]


@routes.operation("AzureServiceAccount_ListTenantsByToken")
def list_tenants(
    body: AzureAuthenticationResult,
    people: Looks,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """The tenants that the person is in."""
    person = person_of(body)

    def look(_db: Session) -> JsonObject:
        return people_wire.tenants(person.environment, people.tenants(person))

    return operations.answer(request, principal, look, always_operation=True)


@routes.operation("AzureServiceAccount_ListAdGroups")
def list_groups(
    body: ListAdGroupRequest,
    people: Looks,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """The groups that an application could be put into, by name."""
    if body.azure_authentication is None:
        raise Invalid.member("azureAuthentication", "Nobody is signed in.")
    if not body.tenant_id:
        raise Invalid.member("tenantId", "Say which tenant.")
    person, tenant_id, edited = (
        person_of(body.azure_authentication), body.tenant_id, body.edit_account_id
    )  # fmt: skip

    def look(_db: Session) -> JsonObject:
        return people_wire.groups(people.groups(person, tenant_id, edited))

    return operations.answer(request, principal, look)


@routes.operation("AzureServiceAccount_IsUserOwnerOfAdApp")
def is_owner(
    body: AzureAuthenticationResult,
    query: Annotated[IsUserOwnerOfAdAppQuery, Query()],
    people: Looks,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """Whether the person owns the application, and may renew its secret."""
    person = person_of(body)

    def look(_db: Session) -> bool:
        return people.owns_application(
            person, query.tenant_id, query.application_id, query.edit_account_id
        )

    return operations.answer(request, principal, look)
