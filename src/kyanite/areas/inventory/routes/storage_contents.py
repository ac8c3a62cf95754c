"""StorageAccount, containers and folders: docs/behaviour/repositories.md, section 13.

These lists are read from Azure when they are asked for.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.accounts import find_account
from kyanite.areas.inventory import queries, wire
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.live import LiveStorage
from kyanite.base.errors import Invalid, NotFound
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.storage_account import (
    AzureStorageItemCreationConfig,
    GetContainerByNameQuery,
    GetContainersQuery,
    GetFolderByNameQuery,
    GetFoldersQuery,
)
from kyanite.http.answers import Answered
from kyanite.http.audit import note
from kyanite.http.links import href
from kyanite.http.pages import page_of_all
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.naming import container_name_problem

routes = Routes()

Live = Annotated[LiveStorage, Provided(LiveStorage)]


@routes.operation("StorageAccount_GetContainers")
def list_containers(
    azureStorageId: str,  # noqa: N803
    query: Annotated[GetContainersQuery, Query()],
    db: DbSession,
    live: Live,
    request: Request,
) -> JsonObject:
    azure_id, account_id = _located(db, azureStorageId, str(query.account_id))
    found = live.containers(account_id, azure_id, query.search_pattern)
    path = _containers_path(azureStorageId)
    results = [wire.storage_item(request, item, f"{path}/{item.name}") for item in found]
    return page_of_all(request, query, results)


@routes.operation("StorageAccount_CreateContainer")
def create_container(
    azureStorageId: str,  # noqa: N803
    body: AzureStorageItemCreationConfig,
    db: DbSession,
    live: Live,
    request: Request,
) -> Answered:
    """A new container, whose versions can be locked if the account keeps versions."""
    problem = container_name_problem(body.name)
    if problem is not None:
        raise Invalid.member("name", problem)
    azure_id, account_id = _located(db, azureStorageId, str(body.account_id))
    made = live.create_container(account_id, azure_id, body.name)
    path = f"{_containers_path(azureStorageId)}/{made.name}"
    note(request, f"container {made.name}")
    return Answered(201, wire.storage_item(request, made, path), href(request, path))


@routes.operation("StorageAccount_GetContainerByName")
def get_container(
    azureStorageId: str,  # noqa: N803
    containerName: str,  # noqa: N803
    query: Annotated[GetContainerByNameQuery, Query()],
    db: DbSession,
    live: Live,
    request: Request,
) -> JsonObject:
    azure_id, account_id = _located(db, azureStorageId, query.account_id)
    found = live.container(account_id, azure_id, containerName)
    return wire.storage_item(request, found, f"{_containers_path(azureStorageId)}/{found.name}")


@routes.operation("StorageAccount_GetFolders")
def list_folders(
    azureStorageId: str,  # noqa: N803
    containerName: str,  # noqa: N803
    query: Annotated[GetFoldersQuery, Query()],
    db: DbSession,
    live: Live,
    request: Request,
) -> JsonObject:
    azure_id, account_id = _located(db, azureStorageId, query.account_id)
    found = live.folders(account_id, azure_id, containerName, query.search_pattern)
    path = f"{_containers_path(azureStorageId)}/{containerName}/folders"
    results = [wire.storage_item(request, item, f"{path}/{item.name}") for item in found]
    return page_of_all(request, query, results)


@routes.operation("StorageAccount_GetFolderByName")
def get_folder(
    azureStorageId: str,  # noqa: N803
    containerName: str,  # noqa: N803
    folderName: str,  # noqa: N803
    query: Annotated[GetFolderByNameQuery, Query()],
    db: DbSession,
    live: Live,
    request: Request,
) -> JsonObject:
    azure_id, account_id = _located(db, azureStorageId, query.account_id)
    found = live.folder(account_id, azure_id, containerName, folderName)
    path = f"{_containers_path(azureStorageId)}/{containerName}/folders/{found.name}"
    return wire.storage_item(request, found, path)


def _located(db: Session, storage_account_id: str, account_id: str | None) -> tuple[str, str]:
    """(ARM id of the storage account, service account to look with). Raises ``NotFound``.

    Without a service account any one that sees the storage account will do.
    """
    storage = queries.find_storage_account(db, storage_account_id)
    if storage is None:
        raise NotFound(f"There is no storage account {storage_account_id}.")
    if account_id is None:
        seeing = queries.accounts_seeing(db, Kind.STORAGE_ACCOUNT, storage.id)
        if not seeing:
            raise NotFound(f"No service account sees the storage account {storage.name}.")
        return storage.azure_id, seeing[0]
    account = find_account(db, account_id)
    if account is None:
        raise NotFound(f"There is no service account {account_id}.")
    return storage.azure_id, account.id


def _containers_path(storage_account_id: str) -> str:
    return f"/cloudInfrastructure/storageAccounts/{storage_account_id}/containers"
