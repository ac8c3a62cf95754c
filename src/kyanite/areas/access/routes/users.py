"""Tag User: local users, their passwords and their second factors."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from kyanite.areas.access import user_queries, users, wire
from kyanite.areas.access.password_changes import PasswordChanges
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.second_factor import SecondFactor
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.shared import UserType
from kyanite.contract.models.user import (
    ChangePasswordOfCurrentUserData,
    ChangeUsersPasswordData,
    GetUsersQuery,
    RbacRole,
    UserExportQueryOptions,
    UserFromClient,
    UserMfaAccept,
    UserMfaData,
    UserMfaSetup,
    UserUpdateFromClient,
)
from kyanite.http.answers import Answered
from kyanite.http.audit import address_of, note
from kyanite.http.exports import export_file
from kyanite.http.links import href
from kyanite.http.pages import Paging, page
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.roles import Role

routes = Routes()
Hashing = Annotated[Passwords, Provided(Passwords)]
Time = Annotated[Clock, Provided(Clock)]
Factor = Annotated[SecondFactor, Provided(SecondFactor)]
Changes = Annotated[PasswordChanges, Provided(PasswordChanges)]


@routes.operation("User_GetUsers")
def list_users(
    query: Annotated[GetUsersQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    """The users, by name."""
    found = user_queries.list_users(db, query.name_filter, Paging.of(query))
    return page(request, query, found.total, [wire.user(request, row) for row in found.rows])


@routes.operation("User_CreateUser")
def create_user(
    body: UserFromClient, db: DbSession, passwords: Hashing, clock: Time, request: Request
) -> Answered:
    """Add a local user."""
    if body.type is UserType.IDENTITY_PROVIDER:
        raise Invalid.member("type", "No identity provider is registered on this appliance.")
    if body.role is None:
        raise Invalid.member("role", "Say which role the user has.")
    if not body.password:
        raise Invalid.member("password", "A local user needs a password.")
    new = users.NewUser(body.name, _role(body.role), body.password, body.description)
    row = users.create(db, new, passwords, clock)
    note(request, f"{row.name}, {row.role}")
    return Answered(201, wire.user(request, row), href(request, f"/users/{row.id}"))


@routes.operation("User_GetUser")
def get_user(id: str, db: DbSession, request: Request) -> JsonObject:
    """One user."""
    return wire.user(request, users.get(db, id))


@routes.operation("User_UpdateUser")
def update_user(
    id: str,
    body: UserUpdateFromClient,
    db: DbSession,
    passwords: Hashing,
    clock: Time,
    request: Request,
) -> JsonObject:
    """Change what the body names; the rest stays."""
    role = None if body.role is None else _role(body.role)
    wanted = users.UserChanges(body.name, body.description, role, body.password)
    row = users.change(db, id, wanted, passwords, clock)
    note(request, ", ".join((row.name, row.role, *sorted(body.model_fields_set))))
    return wire.user(request, row)


@routes.operation("User_DeleteUser")
def delete_user(id: str, db: DbSession, principal: SignedIn, request: Request) -> None:
    """Delete a user; the tokens end with it."""
    row = users.remove(db, id, by_user_id=principal.user_id)
    note(request, row.name)


@routes.operation("User_Export")
def export_users(
    db: DbSession, request: Request, body: UserExportQueryOptions | None = None
) -> Response:
    """The users as a file."""
    wanted = body or UserExportQueryOptions()
    ids = None if wanted.user_ids is None else [str(one) for one in wanted.user_ids]
    rows = user_queries.all_users(db, wanted.name_filter, ids)
    return export_file(request, "users", wire.USER_COLUMNS, map(wire.user_columns, rows))


@routes.operation("User_ChangePasswordOfCurrentUser")
def change_own_password(
    body: ChangePasswordOfCurrentUserData,
    db: DbSession,
    principal: SignedIn,
    changes: Changes,
    request: Request,
) -> None:
    """Change the own password; all own tokens end."""
    if not body.current_password:
        raise Invalid.member("currentPassword", "Say the current password.")
    if not body.new_password:
        raise Invalid.member("newPassword", "Say the new password.")
    changes.change_own(
        db,
        principal,
        current=body.current_password,
        new=body.new_password,
        address=address_of(request),
    )


@routes.operation("User_ChangeUsersPassword")
def change_password_of_user(
    userId: str,  # noqa: N803
    body: ChangeUsersPasswordData,
    db: DbSession,
    principal: SignedIn,
    changes: Changes,
    request: Request,
) -> None:
    """Change somebody's password; all tokens of that user end."""
    changes.change_of(
        db,
        principal,
        userId,
        proof=body.admins_password,
        new=body.new_password,
        address=address_of(request),
    )


@routes.operation("User_EnableMfa")
def enable_mfa(
    id: str,
    db: DbSession,
    factor: Factor,
    request: Request,
    body: UserMfaSetup | None = None,
) -> UserMfaData:
    """Offer a second factor; it is asked for when it was accepted."""
    recreate = bool(body and body.recreate)
    user = users.get_for_change(db, id)
    host = request.url.hostname or "kyanite"
    return wire.mfa_offer(id, factor.offer(db, user, host=host, recreate=recreate))


@routes.operation("User_AcceptMfa")
def accept_mfa(id: str, body: UserMfaAccept, db: DbSession, factor: Factor) -> None:
    """Ask for the offered second factor from now on."""
    factor.accept(db, users.get_for_change(db, id), code=body.code, token=body.token)


@routes.operation("User_DisableMfa")
def disable_mfa(id: str, db: DbSession, factor: Factor) -> None:
    """Ask for no second factor any more."""
    factor.remove(db, users.get_for_change(db, id))


def _role(role: RbacRole) -> Role:
    return Role(role.value)
