"""AzureServiceAccount, rights: docs/behaviour/accounts-and-users.md, sections 1.6 and 1.7."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Query, Response
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.accounts import queries, wire
from kyanite.areas.accounts.drafts import check_purposes
from kyanite.areas.accounts.people import People
from kyanite.areas.accounts.people_wire import person_of, purposes_of
from kyanite.areas.accounts.routes.service_accounts import Accounts, Running
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.azure_service_account import (
    AzureAuthenticationResult,
    CheckPermissionsQuery,
    ClientLoginParameters,
    ExportPermissionsByAppQuery,
    ExportPermissionsByTokenQuery,
    ExportPermissionsQuery,
    ListSubscriptionsByAppQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.exports import attachment
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.custom_role import CustomRole, custom_role
from kyanite.rules.permission_sets import ALL_PURPOSES

routes = Routes()


@routes.operation("AzureServiceAccount_CheckPermissions")
def check_permissions(
    accountId: UUID,  # noqa: N803
    query: Annotated[CheckPermissionsQuery, Query()],
    accounts: Accounts,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """What the account may do, measured against its purposes."""
    purposes = tuple(purpose.value for purpose in query.purposes or ())
    if not set(purposes) <= set(ALL_PURPOSES):
        raise Invalid.member("purposes", "Only purposes that need rights can be checked.")
    subscriptions = tuple(str(id_) for id_ in query.subscription_id or ())

    def check(_db: Session) -> JsonObject:
        return wire.findings(accounts.check_permissions(str(accountId), subscriptions, purposes))

    return operations.answer(request, principal, check)


@routes.operation("AzureServiceAccount_ListSubscriptionsByApp")
def list_subscriptions_by_app(
    body: ClientLoginParameters,
    query: Annotated[ListSubscriptionsByAppQuery, Query()],
    accounts: Accounts,
    operations: Running,
    principal: SignedIn,
    request: Request,
) -> Answered:
    """The same for an application that is not saved yet."""
    asked = wire.login_of(body)
    only_list = query.skip_permissions_check is True

    def check(db: Session) -> JsonObject:
        login = accounts.complete(db, _edited(db, query.edit_account_id), asked)
        return wire.findings(accounts.findings.of_login(login, only_list=only_list))

    return operations.answer(request, principal, check)


@routes.operation("AzureServiceAccount_ExportPermissions")
def export_permissions(
    query: Annotated[ExportPermissionsQuery, Query()], db: DbSession
) -> Response:
    """The rights that a stored account needs, as a ready role."""
    account = queries.find_account(db, str(query.account_id))
    if account is None:
        raise Invalid.member("accountId", f"There is no service account {query.account_id}.")
    scope = f"/subscriptions/{query.subscription_id}"
    return role_file(custom_role(account.purposes, f"Kyanite {account.name}", [scope]))


@routes.operation("AzureServiceAccount_ExportPermissionsByApp")
def export_permissions_by_app(
    body: ClientLoginParameters,
    query: Annotated[ExportPermissionsByAppQuery, Query()],
    db: DbSession,
) -> Response:
    """The rights that an application will need for its purposes."""
    _edited(db, query.edit_account_id)
    purposes = tuple(purpose.value for purpose in body.azure_account_purposes or ())
    check_purposes(purposes)
    scope = f"/subscriptions/{query.subscription_id}"
    name = f"Kyanite {body.application_id}"
    return role_file(custom_role(purposes or ALL_PURPOSES, name, [scope]))


@routes.operation("AzureServiceAccount_ExportPermissionsByToken")
def export_permissions_by_token(
    body: AzureAuthenticationResult,
    query: Annotated[ExportPermissionsByTokenQuery, Query()],
    people: Annotated[People, Provided(People)],
) -> Response:
    """The role to be made in a subscription that the signed-in person sees."""
    purposes = purposes_of(body)
    check_purposes(purposes)
    return role_file(people.role(person_of(body), str(query.subscription_id), purposes))


def role_file(role: CustomRole) -> Response:
    """The download."""
    content = orjson.dumps(role.to_json(), option=orjson.OPT_INDENT_2)
    return attachment("permissions", "json", [content])


def _edited(db: Session, account_id: str | None) -> str | None:
    """The account that is being edited. Raises ``Invalid``: no 404 is declared."""
    if not account_id:
        return None
    account = queries.find_account(db, account_id)
    if account is None:
        raise Invalid.member("editAccountId", f"There is no service account {account_id}.")
    return account.id
