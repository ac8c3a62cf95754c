"""What is in a folder, for people who are about to register it. Changes nothing.

docs/behaviour/repositories.md, section 5, point 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.areas.accounts import get_account
from kyanite.areas.inventory import find_storage_account
from kyanite.areas.repositories.inspection import (
    FolderState,
    immutability,
    inspect_folder,
    require_container,
)
from kyanite.areas.repositories.mark import Mark
from kyanite.areas.repositories.new_repository import NewRepository
from kyanite.areas.repositories.repositories import Place, Repositories
from kyanite.base.errors import Invalid, NotFound
from kyanite.db.database import Database
from kyanite.rules.naming import container_name_problem, folder_name_problem


@dataclass(frozen=True)
class SecuritySettings:
    """What protects a folder."""

    exists: bool
    """Whether it holds a repository."""
    method: str
    """``RepositoryEncryptionMethod`` of the contract."""
    mark: Mark | None
    immutability: str
    """``ImmutabilityState`` of account and container, also for a new folder."""


class RepositoryMetadata:
    """Looks into folders."""

    def __init__(self, database: Database, access: Repositories) -> None:
        self._database = database
        self._access = access

    def look(self, new: NewRepository) -> SecuritySettings:
        """What is in the folder of ``new``; of its other members only the accounts count.

        Raises ``Invalid`` for members that lead nowhere, and what storage and Azure raise.
        """
        at = self._place(new)
        arm = self._access.account_arm(at.account_id)
        try:
            container = require_container(arm, at)
        except NotFound as error:
            raise Invalid.member("azureStorageContainer", str(error)) from error
        folder = inspect_folder(self._access.storage(at))
        exists = folder.state is FolderState.REPOSITORY
        if not exists:
            method = "None"
        elif folder.mark is None:
            method = "Password"  # made without an appliance, which knows nothing else
        else:
            method = folder.mark.encryption_method
        return SecuritySettings(exists, method, folder.mark, immutability(arm, at, container))

    def _place(self, new: NewRepository) -> Place:
        if problem := folder_name_problem(new.folder):
            raise Invalid.member("azureStorageFolder", problem)
        if problem := container_name_problem(new.container):
            raise Invalid.member("azureStorageContainer", problem)
        with self._database.reading() as db:
            try:
                account = get_account(db, new.account_id)
            except NotFound as error:
                raise Invalid.member("azureAccountId", str(error)) from error
            storage = find_storage_account(db, new.storage_account_id)
        if storage is None or storage.removed:
            raise Invalid.member(
                "azureStorageAccountId", f"There is no storage account {new.storage_account_id}."
            )
        return Place(account.id, storage.azure_id, new.container, new.folder)
