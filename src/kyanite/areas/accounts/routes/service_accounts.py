"""AzureServiceAccount: docs/behaviour/accounts-and-users.md, sections 1.1 to 1.5."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.accounts import queries, wire
from kyanite.areas.accounts.service_accounts import ServiceAccounts
from kyanite.areas.accounts.workers import WorkerSelection, suitable_accounts
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.azure_service_account import (
    AzureServiceAccountExportOptions,
    GetAccountsQuery,
    GetAllWorkerManagementSuitableAccountsQuery,
    SaveAzureAccountInfo,
    WorkerDeploymentLocation,
)
from kyanite.http.answers import Answered
from kyanite.http.audit import note
from kyanite.http.exports import export_file
from kyanite.http.operations import Operations
from kyanite.http.pages import page_of_all
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()

Accounts = Annotated[ServiceAccounts, Provided(ServiceAccounts)]
Running = Annotated[Operations, Provided(Operations)]


@routes.operation("AzureServiceAccount_GetAccounts")
def list_accounts(
    query: Annotated[GetAccountsQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    """The accounts that serve all the purposes asked for."""
    found = queries.list_accounts(
        db, text=query.filter, purposes=[purpose.value for purpose in query.purpose or ()]
    )
    return page_of_all(request, query, [wire.account(request, item) for item in found])


# Before the route of one account, whose id it would be otherwise.
@routes.operation("AzureServiceAccount_GetAllWorkerManagementSuitableAccounts")
def list_suitable_for_workers(
    query: Annotated[GetAllWorkerManagementSuitableAccountsQuery, Query()],
    db: DbSession,
    request: Request,
) -> JsonObject:
    """Accounts that could launch workers, and where."""
    found = suitable_accounts(queries.list_accounts(db, text=query.filter))
    return page_of_all(request, query, [wire.suitable_account(item) for item in found])


@routes.operation("AzureServiceAccount_GetAccount")
def get_account(accountId: str, db: DbSession, request: Request) -> JsonObject:  # noqa: N803
    """One account."""
    return wire.account(request, queries.get_account(db, accountId))


@routes.operation("AzureServiceAccount_DeleteAccount")
def delete_account(accountId: str, db: DbSession, accounts: Accounts) -> None:  # noqa: N803
    """Forget an account; its application in Entra ID stays."""
    accounts.delete(db, accountId)


@routes.operation("AzureServiceAccount_SaveByApp")
def save_by_app(
    body: SaveAzureAccountInfo,
    accounts: Accounts,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """Save an account from an existing application."""
    new = wire.new_account(body)
    note(request, f"{new.name}, application {new.login.application_id}")

    def save(_db: Session) -> str:
        return accounts.save(new)

    return operations.answer(request, principal, save)


@routes.operation("AzureServiceAccount_UpdateByApp")
def update_by_app(
    accountId: str,  # noqa: N803
    body: SaveAzureAccountInfo,
    accounts: Accounts,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """Change an account: name, credential, application, scope, purposes."""
    login = wire.login_of(body.client_login_parameters) if body.client_login_parameters else None
    name, description = wire.name_of(body), body.account_info.description

    def update(_db: Session) -> str:
        return accounts.update(accountId, name, description, login)

    return operations.answer(request, principal, update)


@routes.operation("AzureServiceAccount_UpdateByAppValidate")
def validate_update(
    accountId: str,  # noqa: N803
    body: SaveAzureAccountInfo,
    db: DbSession,
    accounts: Accounts,
) -> JsonObject:
    """What would speak against such a change; nothing is changed."""
    login = wire.login_of(body.client_login_parameters) if body.client_login_parameters else None
    return wire.edit_validation(accounts.validate_update(db, accountId, wire.name_of(body), login))


@routes.operation("AzureServiceAccount_SelectForWorkermanagement")
def select_for_workers(
    accountId: str,  # noqa: N803
    body: WorkerDeploymentLocation,
    workers: Annotated[WorkerSelection, Provided(WorkerSelection)],
    request: Request,
) -> None:
    """Let the account, and no other, launch the workers."""
    place = str(body.subscription_id) if body.subscription_id else None
    workers.select(accountId, place, body.resource_group_name)
    note(request, f"subscription {place}, group {body.resource_group_name}")


@routes.operation("AzureServiceAccount_Export")
def export_accounts(
    db: DbSession, request: Request, body: AzureServiceAccountExportOptions | None = None
) -> Response:
    """The list as a file."""
    ids = {str(one) for one in body.account_ids} if body and body.account_ids else None
    found = [one for one in queries.list_accounts(db) if ids is None or one.id in ids]
    return export_file(
        request, "serviceAccounts", wire.ACCOUNT_COLUMNS, map(wire.account_columns, found)
    )
