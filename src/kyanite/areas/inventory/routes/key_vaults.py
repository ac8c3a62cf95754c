"""KeyVault: docs/behaviour/repositories.md, section 14."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import plain_wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.live_vaults import LiveVaults
from kyanite.areas.inventory.plain_queries import get_resource, resources
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.areas.inventory.routes.resource_pages import resource_page
from kyanite.areas.inventory.values import ResourceFilter
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.key_vault import (
    GetKeyVaultByIdQuery,
    GetKeyVaultKeysQuery,
    GetKeyVaultsPageQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.operations import Operations
from kyanite.http.pages import page_of_all
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes(as_of(Kind.KEY_VAULT))


@routes.operation("KeyVault_GetKeyVaultsPage")
def list_vaults(
    query: Annotated[GetKeyVaultsPageQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    """The vaults of the inventory."""
    subscription_id = id_text(query.subscription_id)
    wanted = ResourceFilter(
        account_id=query.service_account_id,
        subscription_id=subscription_id,
        tenant_id=id_text(query.tenant_id),
        regions=tuple(query.region_ids or ()),
        text=query.search_pattern,
    )

    def answer(session: Session) -> JsonObject:
        return resource_page(
            session, request, query, resources(Kind.KEY_VAULT, wanted), plain_wire.key_vault
        )

    return rescan.if_asked(
        query.sync,
        db,
        answer,
        account_id=query.service_account_id,
        kinds={Kind.KEY_VAULT},
        subscription_id=subscription_id,
    )


@routes.operation("KeyVault_GetKeyVaultById")
def get_vault(
    keyVaultId: str,  # noqa: N803
    query: Annotated[GetKeyVaultByIdQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    """One vault."""

    def answer(session: Session) -> JsonObject:
        return plain_wire.key_vault(request, get_resource(session, Kind.KEY_VAULT, keyVaultId))

    return rescan.if_asked(query.sync, db, answer, kinds={Kind.KEY_VAULT})


@routes.operation("KeyVault_GetKeyVaultKeys")
def list_keys(
    keyVaultId: str,  # noqa: N803
    query: Annotated[GetKeyVaultKeysQuery, Query()],
    live: Annotated[LiveVaults, Provided(LiveVaults)],
    principal: SignedIn,
    operations: Annotated[Operations, Provided(Operations)],
    request: Request,
) -> Answered:
    """The keys that can protect a repository, read from the vault."""

    def answer(session: Session) -> JsonObject:
        vault = live.vault(session, keyVaultId, id_text(query.service_account_id))
        keys = live.keys(vault, query.search_pattern)
        return page_of_all(request, query, [plain_wire.vault_key(vault.uri, key) for key in keys])

    return operations.answer(request, principal, answer)
