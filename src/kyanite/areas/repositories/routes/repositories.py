"""Repository: docs/behaviour/repositories.md."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from kyanite.areas.inventory import region_names
from kyanite.areas.repositories import queries, wire
from kyanite.areas.repositories.creation import RepositoryCreation
from kyanite.areas.repositories.editing import RepositoryEditing
from kyanite.areas.repositories.metadata import RepositoryMetadata
from kyanite.areas.repositories.passwords import RepositoryPasswords
from kyanite.areas.repositories.removal import RepositoryRemoval
from kyanite.areas.sessions import session_wire
from kyanite.base.errors import Invalid
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.repository import (
    GetRepositoriesQuery,
    GetRepositoryQuery,
    RepositoryCreateFromClientWithKeyVault,
    RepositoryOptions,
    RepositoryUpdateFromClientWithKeyVault,
    ValidateDeleteQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.exports import export_file
from kyanite.http.operations import Operations
from kyanite.http.pages import complete_page, page_of_all
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()

Passwords = Annotated[RepositoryPasswords, Provided(RepositoryPasswords)]
Removal = Annotated[RepositoryRemoval, Provided(RepositoryRemoval)]


@routes.operation("Repository_GetRepositories")
def list_repositories(
    query: Annotated[GetRepositoriesQuery, Query()], db: DbSession, request: Request
) -> JsonObject:
    found = queries.list_repositories(
        db,
        statuses=[status.value for status in query.status or ()],
        tiers=[tier.value for tier in query.tier or ()],
        text=query.search_pattern,
        is_encrypted=query.is_encrypted,
        immutability_enabled=query.immutability_enabled,
        tenant_id=id_text(query.tenant_id),
        account_id=query.service_account_id,
    )
    if query.type and "Backup" not in [kind.value for kind in query.type]:
        found = []  # there are no vaults
    names = region_names(db, {item.region for item in found})
    return page_of_all(request, query, [wire.repository(request, item, names) for item in found])


@routes.operation("Repository_ExportRepositories")
def export_repositories(
    db: DbSession, request: Request, body: RepositoryOptions | None = None
) -> Response:
    wanted = body or RepositoryOptions()
    found = queries.list_repositories(
        db,
        statuses=[status.value for status in wanted.status or ()],
        tiers=[tier.value for tier in wanted.tier or ()],
        text=wanted.search_pattern,
        is_encrypted=wanted.is_encrypted,
        immutability_enabled=wanted.immutability_enabled,
        ids=[str(id_) for id_ in wanted.repository_ids or ()],
    )
    names = region_names(db, {item.region for item in found})
    rows = [wire.columns(item, names) for item in found]
    return export_file(request, "repositories", wire.COLUMNS, rows)


@routes.operation("Repository_GetMetadata")
def get_metadata(
    body: RepositoryCreateFromClientWithKeyVault,
    metadata: Annotated[RepositoryMetadata, Provided(RepositoryMetadata)],
    operations: Annotated[Operations, Provided(Operations)],
    principal: SignedIn,
    request: Request,
) -> Answered:
    wanted = wire.new_repository(body)

    def look(_db: Session) -> JsonObject:
        return wire.security_settings(metadata.look(wanted))

    return operations.answer(request, principal, look)


@routes.operation("Repository_CreateRepository")
def create_repository(
    body: RepositoryCreateFromClientWithKeyVault,
    db: DbSession,
    creation: Annotated[RepositoryCreation, Provided(RepositoryCreation)],
    principal: SignedIn,
    request: Request,
) -> list[JsonObject]:
    plans = creation.check(wire.new_repository(body))
    sessions = creation.start(db, plans, principal.username)
    return [session_wire(db, request, session_id) for session_id in sessions]


@routes.operation("Repository_GetRepository")
def get_repository(
    repositoryId: str,  # noqa: N803
    query: Annotated[GetRepositoryQuery, Query()],  # noqa: ARG001 - matters to Key Vaults only
    db: DbSession,
    request: Request,
) -> JsonObject:
    item = queries.get_repository(db, repositoryId)
    return wire.repository(request, item, region_names(db, {item.region}))


@routes.operation("Repository_UpdateRepository")
def update_repository(
    repositoryId: str,  # noqa: N803
    body: RepositoryUpdateFromClientWithKeyVault,
    db: DbSession,
    editing: Annotated[RepositoryEditing, Provided(RepositoryEditing)],
    passwords: Passwords,
    principal: SignedIn,
    request: Request,
) -> JsonObject:
    if body.password:
        passwords.require_attempts(repositoryId)
    session_id = editing.start(db, repositoryId, wire.change(body), principal.username)
    return session_wire(db, request, session_id)


@routes.operation("Repository_DeleteRepository")
def delete_repository(
    repositoryId: str,  # noqa: N803
    db: DbSession,
    removal: Removal,
    principal: SignedIn,
    request: Request,
) -> JsonObject:
    session_id = removal.start(db, repositoryId, principal.username)
    return session_wire(db, request, session_id)


@routes.operation("Repository_ValidateDelete")
def validate_delete(
    query: Annotated[ValidateDeleteQuery, Query()],
    db: DbSession,
    removal: Removal,
    request: Request,
) -> JsonObject:
    found = removal.uses(db, [str(id_) for id_ in query.repository_id or ()])
    names = region_names(db, {uses.repository.region for uses in found})
    return complete_page(request, [wire.deletability(request, uses, names) for uses in found])


@routes.operation("Repository_PasswordIsCorrect")
def check_password(
    repositoryId: str,  # noqa: N803
    passwords: Passwords,
    operations: Annotated[Operations, Provided(Operations)],
    principal: SignedIn,
    request: Request,
    body: Annotated[str | None, Body()] = None,
) -> Answered:
    if body is None:
        raise Invalid.member("body", "A password is required.")
    has_password = passwords.has_password(repositoryId)

    def check(_db: Session) -> bool | None:
        return passwords.check(repositoryId, body)

    # Only an operation can answer "not applicable": the plain answer is true or false.
    return operations.answer(request, principal, check, always_operation=not has_password)
