"""StorageAccount, the accounts: docs/behaviour/repositories.md, sections 9 and 13."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import queries, wire
from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.areas.inventory.values import StorageAccount
from kyanite.base.errors import NotFound
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.storage_account import (
    GetAccountCapabilitiesQuery,
    GetAccountQuery,
    GetAccountsQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.pages import page_of_all
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession
from kyanite.rules import storage_accounts as rules

routes = Routes(as_of(Kind.STORAGE_ACCOUNT))


@routes.operation("StorageAccount_GetAccounts")
def list_storage_accounts(
    query: Annotated[GetAccountsQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    subscription_id = id_text(query.subscription_id)

    def answer(session: Session) -> JsonObject:
        found = _matching(session, query, subscription_id)
        return page_of_all(request, query, [wire.storage_account(request, item) for item in found])

    return rescan.if_asked(
        query.sync,
        db,
        answer,
        account_id=query.service_account_id,
        kinds={Kind.STORAGE_ACCOUNT},
        subscription_id=subscription_id,
    )


@routes.operation("StorageAccount_GetAccount")
def get_storage_account(
    storageAccountId: str,  # noqa: N803
    query: Annotated[GetAccountQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
    request: Request,
) -> JsonObject | Answered:
    def answer(session: Session) -> JsonObject:
        found = queries.find_storage_account(
            session, storageAccountId, account_id=query.service_account_id
        )
        if found is None:
            raise NotFound(f"There is no storage account {storageAccountId}.")
        return wire.storage_account(request, found)

    return rescan.if_asked(
        query.sync,
        db,
        answer,
        account_id=query.service_account_id,
        kinds={Kind.STORAGE_ACCOUNT},
    )


@routes.operation("StorageAccount_GetAccountCapabilities")
def get_capabilities(
    storageAccountId: str,  # noqa: N803
    query: Annotated[GetAccountCapabilitiesQuery, Query()],
    db: DbSession,
    rescan: MayRescan,
) -> JsonObject | Answered:
    """What a repository on the account could do."""

    def answer(session: Session) -> JsonObject:
        found = queries.find_storage_account(session, storageAccountId, account_id=query.account_id)
        if found is None:
            raise NotFound(f"There is no storage account {storageAccountId}.")
        return {
            "supportsArchive": rules.supports_archive(found.shape),
            "recommendedConcurrency": rules.recommended_concurrency(found.shape, found.region),
        }

    return rescan.if_asked(
        query.sync, db, answer, account_id=query.account_id, kinds={Kind.STORAGE_ACCOUNT}
    )


def _matching(
    db: Session, query: GetAccountsQuery, subscription_id: str | None
) -> list[StorageAccount]:
    found = queries.list_storage_accounts(
        db,
        account_id=query.service_account_id,
        subscription_id=subscription_id,
        regions=query.region_ids or (),
        name=query.name,
        resource_group=query.resource_group_name,
    )
    if query.account_id:
        # Described as a storage account, meant as a service account: either will do.
        wanted = query.account_id.lower()
        visible = {
            item.id for item in queries.list_storage_accounts(db, account_id=query.account_id)
        }
        found = [item for item in found if item.id == wanted or item.id in visible]
    if query.repository_compatible:
        found = [
            item for item in found if not item.removed and rules.incompatibility(item.shape) is None
        ]
    if query.vhd_compatible:
        found = [item for item in found if rules.holds_page_blobs(item.shape)]
    return found
