"""Types Repositories, RepositoriesEncryption, RepositoriesOwnership."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from kyanite.areas.configuration.findings import Finding, Outcome, outcome_of
from kyanite.areas.repositories.facts import RepositoryFacts, Status
from kyanite.areas.repositories.inspection import FolderState, inspect_folder
from kyanite.areas.repositories.key_reference import KeyReference
from kyanite.areas.repositories.mark import read_mark
from kyanite.areas.repositories.queries import get_row, list_repositories
from kyanite.areas.repositories.repositories import Repositories, place
from kyanite.areas.repositories.this_appliance import ThisAppliance
from kyanite.areas.repositories.unlocking import KeyState
from kyanite.azure.blob import accounts as storage_accounts
from kyanite.base.errors import (
    Conflict,
    Damaged,
    Gone,
    KyaniteError,
    NotFound,
    ObjectMissing,
    UnknownFormat,
    WrongKey,
)
from kyanite.db.database import Database

_AT_ONCE: Final = 4


@dataclass(frozen=True)
class RepositoriesCheck:
    """Looks into every repository's folder."""

    database: Database
    repositories: Repositories
    this_appliance: ThisAppliance

    def places(self) -> Outcome:
        """Storage account, container, folder, format, readiness."""
        return self._each(self._place)

    def encryption(self) -> Outcome:
        """Whether what is stored here still opens them."""
        return self._each(self._encryption)

    def owners(self) -> Outcome:
        """Who they belong to; what is learned is kept."""
        return self._each(self._owner)

    def _each(self, examine: Callable[[RepositoryFacts], Finding]) -> Outcome:
        with self.database.reading() as db:
            found = list_repositories(db)
        with ThreadPoolExecutor(_AT_ONCE, "check of repositories") as pool:
            return outcome_of(list(pool.map(examine, found)), "repositories")

    def _place(self, own: RepositoryFacts) -> Finding:
        def wrong(status: str, message: str) -> Finding:
            return Finding(own.id, status, "Error", message)

        account, container = own.storage_account_name, own.container
        try:
            arm = self.repositories.account_arm(own.account_id)
            if arm.find(own.storage_account_azure_id) is None:
                return wrong(
                    "StorageAccountDoesNotExist", f"There is no storage account {account} any more."
                )
            if (
                storage_accounts.find_container(arm, own.storage_account_azure_id, container)
                is None
            ):
                return wrong(
                    "ContainerDoesNotExist", f"There is no container {container} any more."
                )
            if own.status is not Status.READY:
                return wrong("NotReady", f"The repository is {own.status.value}; see its session.")
            folder = inspect_folder(self.repositories.storage(place(own)))
        except UnknownFormat as error:
            return wrong("IncorrectFormat", str(error))
        except Gone as error:
            return wrong("StorageAccountDoesNotExist", str(error))
        except KyaniteError as error:
            return wrong("Unknown", str(error))
        if folder.state is FolderState.NEW:
            return wrong("DoesNotExist", f"The folder {own.folder} holds no repository any more.")
        if folder.state is FolderState.FOREIGN:
            return wrong("IncorrectFormat", f"The folder {own.folder} holds other data.")
        return Finding(own.id, "Valid")

    def _encryption(self, own: RepositoryFacts) -> Finding:
        facts = {"encryptionMethod": own.encryption_method}

        def wrong(status: str, message: str, severity: str = "Error") -> Finding:
            return Finding(own.id, status, severity, message, facts)

        try:
            if own.key is not None and (problem := self._key(own, own.key)):
                return wrong(*problem)
            mark = read_mark(self.repositories.storage(place(own)))
        except UnknownFormat as error:
            return wrong("InvalidEncryptionSettings", str(error))
        except KyaniteError as error:
            return wrong("ValidationFailure", str(error))
        if mark is not None and own.is_encrypted and not mark.is_encrypted:
            return wrong(
                "EncryptionWasDisabled",
                "The folder says that its password is open to everybody who reads it.",
                "Warning",
            )
        try:
            self.repositories.open(own.id)
        except Conflict as error:
            return wrong("MissingPassword", str(error))
        except WrongKey as error:
            status = "KeyVaultKeyThumbprintMismatch" if own.key else "IncorrectPassword"
            return wrong(status, str(error))
        except (Damaged, ObjectMissing, UnknownFormat) as error:
            return wrong("InvalidEncryptionSettings", str(error))
        except KyaniteError as error:
            return wrong("ValidationFailure", str(error))
        return Finding(own.id, "Valid", facts=facts)

    def _key(self, own: RepositoryFacts, key: KeyReference) -> tuple[str, str, str] | None:
        """What is wrong with a key of a vault: status, message, severity."""
        unlocking = self.repositories.unlocking
        arm = self.repositories.account_arm(own.account_id)
        if arm.find(key.vault_azure_id) is None:
            return (
                "KeyVaultMissing",
                f"There is no key vault {key.vault_name} any more; recover it, or choose another "
                "key or a password.",
                "Error",
            )
        match unlocking.key_state(own.account_id, key):
            case KeyState.GONE:
                message = unlocking.warning(own) or ""
                over = unlocking.is_missed_too_long(own)
                return "KeyVaultKeyMissing", message, "Error" if over else "Warning"
            case KeyState.DISABLED:
                return (
                    "InvalidEncryptionSettings",
                    f"The key {key.name} of the vault {key.vault_name} is disabled; "
                    "no backup is possible until it is enabled.",
                    "Error",
                )
            case KeyState.REPLACED:
                return (
                    "KeyVaultKeyThumbprintMismatch",
                    f"The vault {key.vault_name} has a key {key.name}, but not the version that "
                    "opens the repository.",
                    "Error",
                )
            case KeyState.GOOD:
                return None

    def _owner(self, own: RepositoryFacts) -> Finding:
        try:
            mark = read_mark(self.repositories.storage(place(own)))
        except KyaniteError as error:
            return Finding(own.id, "Unknown", "Error", str(error), {"hasAnotherOwner": None})
        owner = mark.owner if mark is not None else None
        if owner is not None and owner.id == self.this_appliance.owner().id:
            owner = None
        self._remember(own, owner.id if owner else None, owner.name if owner else None)
        if owner is None:
            return Finding(own.id, "Valid", facts={"hasAnotherOwner": False})
        return Finding(
            own.id,
            "HasAnotherOwner",
            "Warning",
            f"It belongs to the appliance {owner.name}; take it over before writing to it.",
            {"hasAnotherOwner": True, "previousOwner": owner.name},
        )

    def _remember(self, own: RepositoryFacts, owner_id: str | None, owner_name: str | None) -> None:
        if (own.owner_id, own.owner_name) == (owner_id, owner_name):
            return
        with self.database.writing() as db:
            try:
                row = get_row(db, own.id)
            except NotFound:
                return  # removed meanwhile
            row.owner_id, row.owner_name = owner_id, owner_name
