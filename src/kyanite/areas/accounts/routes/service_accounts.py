"""AzureServiceAccount: docs/behaviour/accounts-and-users.md, section 1."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.accounts import queries, wire
from kyanite.areas.accounts.service_accounts import ServiceAccounts
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.azure_service_account import (
    CheckPermissionsQuery,
    GetAccountsQuery,
    SaveAzureAccountInfo,
)
from kyanite.http.answers import Answered
from kyanite.http.operations import Operations
from kyanite.http.pages import page_of_all
from kyanite.http.provide import Provided
from kyanite.http.rights import Right
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.permission_sets import ALL_PURPOSES

routes = Routes()

Accounts = Annotated[ServiceAccounts, Provided(ServiceAccounts)]


@routes.operation("AzureServiceAccount_GetAccounts", Right.INVENTORY_READ)
def list_accounts(
    query: Annotated[GetAccountsQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    found = queries.list_accounts(
        db, text=query.filter, purposes=[purpose.value for purpose in query.purpose or ()]
    )
    return page_of_all(request, query, [wire.account(request, item) for item in found])


@routes.operation("AzureServiceAccount_GetAccount", Right.INVENTORY_READ)
def get_account(accountId: str, db: DbSession, request: Request) -> JsonObject:  # noqa: N803
    return wire.account(request, queries.get_account(db, accountId))


@routes.operation("AzureServiceAccount_DeleteAccount", Right.ACCOUNTS_WRITE)
def delete_account(accountId: str, db: DbSession, accounts: Accounts) -> None:  # noqa: N803
    accounts.delete(db, accountId)


@routes.operation("AzureServiceAccount_SaveByApp", Right.ACCOUNTS_WRITE)
def save_by_app(
    body: SaveAzureAccountInfo,
    accounts: Accounts,
    operations: Annotated[Operations, Provided(Operations)],
    principal: SignedIn,
    request: Request,
) -> Answered:
    new = wire.new_account(body)

    def save(_db: Session) -> str:
        return accounts.save(new)

    return operations.answer(request, principal, save)


@routes.operation("AzureServiceAccount_CheckPermissions", Right.ACCOUNTS_WRITE)
def check_permissions(
    accountId: UUID,  # noqa: N803
    query: Annotated[CheckPermissionsQuery, Query()],
    accounts: Accounts,
    operations: Annotated[Operations, Provided(Operations)],
    principal: SignedIn,
    request: Request,
) -> Answered:
    purposes = tuple(purpose.value for purpose in query.purposes or ())
    if not set(purposes) <= set(ALL_PURPOSES):
        raise Invalid.member("purposes", "Only purposes that need rights can be checked.")
    subscriptions = tuple(str(id_) for id_ in query.subscription_id or ())

    def check(_db: Session) -> JsonObject:
        return wire.findings(accounts.check_permissions(str(accountId), subscriptions, purposes))

    return operations.answer(request, principal, check)
