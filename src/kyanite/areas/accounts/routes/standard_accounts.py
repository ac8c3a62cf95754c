"""StandardAccount: docs/behaviour/accounts-and-users.md, section 7."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from starlette.requests import Request

from kyanite.areas.accounts import standard_queries as queries
from kyanite.areas.accounts.standard_accounts import StandardAccounts, StandardAccountWish
from kyanite.areas.accounts.tables import StandardAccountRow
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.standard_account import (
    GetStandardAccountNamesQuery,
    GetStandardAccountsQuery,
    NewStandardAccountFromClient,
    StandardAccountExportOptions,
    StandardAccountKind,
    StandardAccountSqlOptionsFromClient,
    UpdatedStandardAccountFromClient,
)
from kyanite.http.answers import Answered
from kyanite.http.audit import note
from kyanite.http.exports import export_file
from kyanite.http.links import href, self_link
from kyanite.http.pages import Paging, found, page
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes()

Accounts = Annotated[StandardAccounts, Provided(StandardAccounts)]
_COLUMNS = ("id", "kind", "name", "description", "username")


@routes.operation("StandardAccount_GetStandardAccounts")
def list_accounts(
    query: Annotated[GetStandardAccountsQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    """The accounts, without their passwords."""
    wanted = queries.accounts(kinds=_kinds(query.type), text=query.search_pattern)
    rows = found(db, wanted, Paging.of(query))
    return page(request, query, rows.total, [_account(request, row) for row in rows.rows])


@routes.operation("StandardAccount_GetStandardAccountNames")
def list_names(
    query: Annotated[GetStandardAccountNamesQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    """What operators need to choose one: id and name."""
    wanted = queries.accounts(kinds=_kinds(query.type), text=query.search_pattern)
    rows = found(db, wanted, Paging.of(query))
    return page(
        request, query, rows.total, [{"id": str(row.id), "name": row.name} for row in rows.rows]
    )


@routes.operation("StandardAccount_Add")
def add_account(
    body: NewStandardAccountFromClient, db: DbSession, accounts: Accounts, request: Request
) -> Answered:
    """Add a login."""
    row = accounts.add(db, _wish(body))
    note(request, f"{row.kind} {row.name}")
    return Answered(201, _account(request, row), href(request, f"/accounts/standard/{row.id}"))


@routes.operation("StandardAccount_GetAccount")
def get_account(id: str, db: DbSession, request: Request) -> JsonObject:
    """One login."""
    return _account(request, queries.get_row(db, id))


@routes.operation("StandardAccount_Update")
def update_account(
    id: str,
    body: UpdatedStandardAccountFromClient,
    db: DbSession,
    accounts: Accounts,
    request: Request,
) -> JsonObject:
    """Change a login; an absent password stays."""
    row = accounts.change(db, id, _wish(body))
    note(request, f"{row.kind} {row.name}")
    return _account(request, row)


@routes.operation("StandardAccount_Delete")
def delete_account(id: str, db: DbSession, accounts: Accounts) -> None:
    """Remove a login that nobody uses."""
    accounts.delete(db, id)


@routes.operation("StandardAccount_Export")
def export_accounts(
    db: DbSession, request: Request, body: StandardAccountExportOptions | None = None
) -> Response:
    """The list as a file."""
    wanted = body or StandardAccountExportOptions()
    query = queries.accounts(
        kinds=_kinds(wanted.type), text=wanted.search_pattern, ids=wanted.account_ids
    )
    rows = [
        (str(row.id), row.kind, row.name, row.description, row.username)
        for row in db.scalars(query)
    ]
    return export_file(request, "standardAccounts", _COLUMNS, rows)


def _kinds(asked: list[StandardAccountKind] | None) -> list[str]:
    return [kind.value for kind in asked or ()]


def _wish(
    body: NewStandardAccountFromClient | UpdatedStandardAccountFromClient,
) -> StandardAccountWish:
    options: StandardAccountSqlOptionsFromClient | None = body.sql_options_from_client
    servers = None
    if options is not None:
        servers = [one.id for one in options.sql_servers or () if one.id]
    return StandardAccountWish(
        kind=body.kind.value if body.kind else None,
        name=body.name,
        description=body.description,
        username=body.username,
        password=body.password,
        sql_server_ids=servers,
    )


def _account(request: Request, row: StandardAccountRow) -> JsonObject:
    """``StandardAccount``: it has no member for a password."""
    return {
        "kind": row.kind,
        "id": str(row.id),
        "name": row.name,
        "description": row.description,
        "username": row.username,
        "_links": {"self": self_link(request, f"/accounts/standard/{row.id}")["self"]},
    }
