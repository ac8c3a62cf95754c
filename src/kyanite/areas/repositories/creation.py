"""Registering repositories: what is checked before the request is answered.

What the database and the inventory know is checked always. What Azure has to be asked is
checked now when it answers, so that the person who typed it hears of it at once, and again
by the job, which decides (docs/behaviour/repositories.md, section 2, point 4).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kyanite.areas.accounts import USED_KIND as ACCOUNT_USED_KIND
from kyanite.areas.accounts import ServiceAccount, get_account
from kyanite.areas.inventory import (
    STORAGE_ACCOUNT_USED_KIND,
    StorageAccount,
    find_storage_account,
)
from kyanite.areas.repositories import queries
from kyanite.areas.repositories.existing import open_existing, require_importable
from kyanite.areas.repositories.facts import (
    USED_KIND,
    Status,
    enter_key,
    exclusive_key,
    location_key,
)
from kyanite.areas.repositories.inspection import (
    FolderState,
    inspect_folder,
    require_container,
    require_suitable,
)
from kyanite.areas.repositories.key_reference import VAULT_USED_KIND, chosen_key
from kyanite.areas.repositories.new_repository import (
    NewRepository,
    check_members,
    plans_for,
)
from kyanite.areas.repositories.repositories import Place, Repositories
from kyanite.areas.repositories.tables import RepositoryRow
from kyanite.azure.pauses import Check
from kyanite.base.clock import Clock
from kyanite.base.errors import (
    AzureError,
    Conflict,
    Invalid,
    NotFound,
    StorageError,
    Transient,
)
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.db.uses import Thing, lock_used, replace_uses
from kyanite.durable.start import NewSession, start_session
from kyanite.rules.storage_accounts import effective_tier, incompatibility, tier_problem

_log = logging.getLogger(__name__)

CREATE_JOB: Final = "repository.create"

_AZURE_SECONDS: Final = 10.0
"""How long a request waits for an Azure that fails again and again; then the session decides."""


class RepositoryCreation:
    """Creates repositories, and registers those that exist already."""

    def __init__(
        self, database: Database, secret_box: SecretBox, access: Repositories, clock: Clock
    ) -> None:
        self._database = database
        self._secrets = secret_box
        self._access = access
        self._clock = clock

    def check(self, new: NewRepository) -> Sequence[NewRepository]:
        """Everything that can be known now; the repositories to make, one or one per tier.

        Opens transactions of its own and asks Azure: call it before the request's transaction
        has begun. Raises ``Invalid``, ``NotFound`` and ``Conflict``.
        """
        check_members(new)
        with self._database.reading() as db:
            account, storage = _look_up(db, new)
            new = _with_opener(db, new, account)
            plans = plans_for(new, storage.shape)
            for plan in plans:
                _check_free(db, plan)
        for plan in plans:
            self._check_azure(plan, account, storage)
        return plans

    def start(self, db: Session, plans: Sequence[NewRepository], initiator: str) -> list[str]:
        """Register ``plans`` and start their sessions, in the transaction of the caller.

        Returns the sessions' ids. Raises ``Conflict`` when a name or folder was taken since.
        """
        sessions: list[str] = []
        for plan in plans:
            lock_used(db, [Thing(ACCOUNT_USED_KIND, plan.account_id)])
            account, storage = _look_up(db, plan)
            _check_free(db, plan)
            row = self._row(plan, account, storage)
            _insert(db, row)
            replace_uses(
                db,
                Thing(USED_KIND, row.id),
                [
                    Thing(ACCOUNT_USED_KIND, account.id),
                    Thing(STORAGE_ACCOUNT_USED_KIND, storage.id),
                    *([Thing(VAULT_USED_KIND, plan.key.vault_id)] if plan.key else []),
                ],
            )
            sessions.append(
                start_session(
                    db,
                    NewSession(
                        type="RepositoryCreation",
                        job=CREATE_JOB,
                        payload={"repositoryId": row.id, "import": plan.import_existing},
                        initiator=initiator,
                        repository_id=row.id,
                        repository_name=row.name,
                        exclusive_key=exclusive_key(row.id),
                    ),
                )
            )
        return sessions

    def _row(
        self, plan: NewRepository, account: ServiceAccount, storage: StorageAccount
    ) -> RepositoryRow:
        repository_id = new_id()
        name = plan.own_name
        row = RepositoryRow(
            id=repository_id,
            name=name,
            name_key=name.lower(),
            description=plan.description,
            account_id=account.id,
            tenant_id=account.tenant_id,
            environment=account.environment,
            storage_account_id=storage.id,
            storage_account_azure_id=storage.azure_id,
            storage_account_name=storage.name,
            container=plan.container,
            folder=plan.folder,
            location_key=location_key(storage.id, plan.container, plan.folder),
            region=storage.region,
            status=Status.CREATING.value,
            tier=effective_tier(plan.tier, storage.access_tier or ""),
            tier_inferred=plan.tier == "Inferred",
            is_encrypted=plan.enable_encryption,
            hint=plan.hint if plan.enable_encryption else None,
            pending_password_sealed=(
                self._secrets.seal_text(plan.password, row_id=repository_id)
                if plan.password
                else None
            ),
            immutability_enabled=False,
            concurrency_limit=plan.concurrency_limit,
            created_at=self._clock.now(),
        )
        enter_key(row, plan.key)
        return row

    def _check_azure(
        self, plan: NewRepository, account: ServiceAccount, storage: StorageAccount
    ) -> None:
        at = Place(account.id, storage.azure_id, plan.container, plan.folder)
        patience = _patience(_AZURE_SECONDS)
        try:
            arm = self._access.account_arm(account.id).with_check(patience)
            require_suitable(arm, at, require_container(arm, at))
            folder_storage = self._access.storage(at, check=patience)
            folder = inspect_folder(folder_storage)
            if folder.state is FolderState.FOREIGN:
                raise Conflict(f"The folder {plan.folder} holds other data; choose another folder.")
            if folder.state is FolderState.REPOSITORY:
                if plan.auto_create_tiers:
                    raise Conflict(
                        f"The folder {plan.folder} holds a repository already; repositories for "
                        "all tiers can be created in new folders only."
                    )
                require_importable(plan.folder, folder.mark, plan.import_existing, plan.tier)
                wrapping = (
                    self._access.unlocking.wrapping(account.id, plan.key) if plan.key else None
                )
                open_existing(folder_storage, folder.mark, plan.password, wrapping)
            elif plan.key is not None and plan.enable_encryption:
                self._access.unlocking.require_usable(account.id, plan.key)
        except (AzureError, StorageError) as error:
            _log.info("a folder cannot be looked at now, its session will: %s", error)


def _patience(seconds: float) -> Check:
    """A check for waits that raises ``Transient`` when they have taken too long together."""
    deadline = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > deadline:
            raise Transient("Azure takes too long to answer; the session will ask again.")

    return check


def _look_up(db: Session, new: NewRepository) -> tuple[ServiceAccount, StorageAccount]:
    """The accounts, checked. Raises ``NotFound`` and ``Invalid``."""
    account = get_account(db, new.account_id)
    if not account.serves("Repository"):
        raise Invalid.member(
            "azureAccountId",
            f"The service account {account.name} does not have the purpose Repository.",
        )
    storage = find_storage_account(db, new.storage_account_id)
    if storage is None or storage.removed:
        raise NotFound(f"There is no storage account {new.storage_account_id}.")
    problem = incompatibility(storage.shape)
    if problem:
        raise Invalid.member("azureStorageAccountId", problem)
    if not new.auto_create_tiers and (problem := tier_problem(storage.shape, new.tier)):
        raise Invalid.member("storageTier", problem)
    return account, storage


def _with_opener(db: Session, new: NewRepository, account: ServiceAccount) -> NewRepository:
    """The key of the vault looked up; what is not needed to open anything is left out."""
    if not new.enable_encryption and not new.import_existing:
        return replace(new, password="", key_vault_id=None, key_vault_key_uri=None)
    if new.password or not new.key_vault_id or not new.key_vault_key_uri:
        return new
    return replace(new, key=chosen_key(db, new.key_vault_id, new.key_vault_key_uri, account))


def _check_free(db: Session, plan: NewRepository) -> None:
    """Raise ``Conflict`` when the name or the folder is taken."""
    name = plan.own_name
    if queries.name_is_taken(db, name):
        raise Conflict(f"There is a repository named {name} already.")
    holder = queries.at_location(
        db, location_key(plan.storage_account_id, plan.container, plan.folder)
    )
    if holder is not None:
        raise Conflict(
            f"The folder {plan.folder} is registered as the repository {holder.name} already.",
            resource_id=holder.id,
        )


def _insert(db: Session, row: RepositoryRow) -> None:
    name = row.name
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError as error:  # another request was quicker
        raise Conflict(
            f"The name {name} or its folder has just been taken by another repository."
        ) from error
