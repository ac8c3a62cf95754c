"""Reaching and opening repositories: what jobs of every workload start from."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import RepositoryFacts, Status
from kyanite.areas.repositories.ownership import Ownership, another_owner, watched
from kyanite.areas.repositories.this_appliance import ThisAppliance
from kyanite.areas.repositories.unlocking import Unlocking
from kyanite.azure.arm import ArmClient
from kyanite.azure.blob.delegation import (
    LOCKING_RIGHTS,
    MAINTENANCE_RIGHTS,
    container_access,
    renewable_access,
)
from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.connections import ConnectionPool
from kyanite.azure.pauses import Check, go_on
from kyanite.azure.signed_urls import RenewableUrl
from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import AzureError, Conflict
from kyanite.datamover.orders import StorageAccess
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.engine.repository import Repository as EngineRepository

_ACCESS_SECONDS: Final = 4 * 3600
"""Life of the appliance's own access; it is renewed when it has ended."""


@dataclass(frozen=True)
class Place:
    """Where a repository lies, or is to lie, and with whose rights it is reached."""

    account_id: str
    storage_account_azure_id: str
    container: str
    folder: str
    tier: str = ""
    """Access tier for new objects; empty: the account's own."""
    immutable: bool = False
    """Whether its container locks versions of blobs."""


class Repositories:
    """Storage, credentials and the opened engine for repositories. Thread-safe.

    Signed URLs are shared until they end: making one asks Azure three times.
    """

    def __init__(
        self,
        database: Database,
        secrets: SecretBox,
        azure: AzureAccess,
        this_appliance: ThisAppliance,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._azure = azure
        self.unlocking = Unlocking(database, secrets, azure, clock or SystemClock())
        self.ownership = Ownership(database, this_appliance)
        self._signed: dict[tuple[str, str, str], tuple[ArmClient, RenewableUrl]] = {}
        self._pools: dict[str | None, ConnectionPool] = {}
        self._lock = threading.Lock()

    def facts(self, db: Session, repository_id: str) -> RepositoryFacts:
        """What is known of a repository, in the transaction of the caller. Raises ``NotFound``."""
        return queries.get_repository(db, repository_id)

    def _facts(self, repository_id: str) -> RepositoryFacts:
        with self._database.reading() as db:
            return queries.get_repository(db, repository_id)

    def account_arm(self, account_id: str) -> ArmClient:
        """The Resource Manager, as a service account. Raises ``NotFound``."""
        return self._azure.arm_client(account_id)

    def open(
        self, repository_id: str, *, at: Place | None = None, check: Check = go_on
    ) -> EngineRepository:
        """The opened repository, with the master key and the right to delete.

        ``at``: another way to it than the one that is entered. Raises what
        ``Unlocking.open`` raises, and what storage and Azure raise.
        """
        own = self._facts(repository_id)
        return self.unlocking.open(own.id, self.storage(at or place(own), check=check))

    def key_warning(self, repository_id: str) -> str | None:
        """What people have to be warned of: that the key of the repository was deleted."""
        try:
            return self.unlocking.warning(self._facts(repository_id))
        except AzureError:
            return None  # whoever opens the repository is told

    def open_for_writing(self, repository_id: str, *, check: Check = go_on) -> EngineRepository:
        """As ``open``, for backups and retention.

        Raises ``Conflict`` as well when the repository is not ready or another owns it.
        """
        self.confirm_ours(repository_id, check=check)
        return self.open(repository_id, check=check)

    def confirm_ours(self, repository_id: str, *, check: Check = go_on) -> None:
        """Ask the folder itself whether this appliance may write to it, as another one may
        have taken it over since. Raises ``Conflict`` when it may not."""
        own = self._facts(repository_id)
        require_ready(own)
        self.ownership.require(own, self.storage(place(own), check=check))

    def watched(self, repository_id: str, check: Check) -> Check:
        """``check`` for long writing, which raises ``Conflict`` soon after the repository was
        taken over."""
        return watched(lambda: self.confirm_ours(repository_id, check=check), check)

    def storage(
        self, at: Place, rights: str = MAINTENANCE_RIGHTS, *, check: Check = go_on
    ) -> BlobStorage:
        """The folder as the engine's storage. Raises ``NotFound`` or ``AzureError``."""
        if at.immutable and rights == MAINTENANCE_RIGHTS:
            rights = LOCKING_RIGHTS
        arm = self._azure.arm_client(at.account_id)
        return BlobStorage.signed(
            self._shared_access(arm, at, rights),
            at.folder,
            pool=self._pool(arm.cloud.ca_file),
            check=check,
            tier=at.tier,
        )

    def access(
        self, repository_id: str, rights: str, seconds: int = _ACCESS_SECONDS
    ) -> StorageAccess:
        """A credential of its own for a data mover, with exactly these rights.

        ``rights`` as in ``azure.blob.delegation``: ``BACKUP_RIGHTS`` can neither overwrite nor
        delete. Raises ``NotFound`` or ``AzureError``.
        """
        own = self._facts(repository_id)
        arm = self._azure.arm_client(own.account_id)
        signed = container_access(arm, own.storage_account_azure_id, own.container, rights, seconds)
        return StorageAccess(container=signed, folder=own.folder, tier=own.object_tier)

    def _shared_access(self, arm: ArmClient, at: Place, rights: str) -> RenewableUrl:
        """One signed URL for all who reach the container alike.

        ``arm`` is the account's own client, not that of a job: a job that is called off must
        not keep others from renewing. A renewed secret of the account makes another client.
        """
        container = f"{at.storage_account_azure_id}/{at.container}".lower()
        key = (at.account_id, container, rights)
        with self._lock:
            known = self._signed.get(key)
        if known is not None and known[0] is arm:
            return known[1]
        url = renewable_access(
            arm, at.storage_account_azure_id, at.container, rights, _ACCESS_SECONDS
        )
        with self._lock:
            self._signed[key] = (arm, url)
        return url

    def _pool(self, ca_file: str | None) -> ConnectionPool:
        """The connections that all storages share."""
        with self._lock:
            if ca_file not in self._pools:
                self._pools[ca_file] = ConnectionPool(ca_file)
            return self._pools[ca_file]


def place(repository: RepositoryFacts) -> Place:
    """Where a registered repository lies."""
    return Place(
        account_id=repository.account_id,
        storage_account_azure_id=repository.storage_account_azure_id,
        container=repository.container,
        folder=repository.folder,
        tier=repository.object_tier,
        immutable=repository.immutability_enabled,
    )


def require_ready(repository: RepositoryFacts) -> None:
    """Raise ``Conflict`` unless the repository is complete."""
    if repository.status is not Status.READY:
        raise Conflict(
            f"The repository {repository.name} is not ready (it is {repository.status.value}); "
            "see the session that creates or edits it.",
            resource_id=repository.id,
        )


def require_writable(repository: RepositoryFacts) -> None:
    """Raise ``Conflict`` when this appliance may not write to the repository, as far as it
    knows; ``confirm_ours`` asks the folder."""
    require_ready(repository)
    if repository.has_another_owner:
        raise another_owner(repository, repository.owner_name or repository.owner_id or "")
