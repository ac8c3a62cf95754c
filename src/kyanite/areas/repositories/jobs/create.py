"""Making a repository in a folder, or registering the one that is there.

Steps: look at the folder (once: afterwards it would find its own work) → mark as ours → make;
or open → mark as ours → import; then ready, with the master key sealed in the database. The
password waits, sealed, in the row until then, so whatever a kill leaves behind is opened with
it by the next attempt; every step may run twice.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.adoption import import_all
from kyanite.areas.repositories.existing import open_existing, require_importable
from kyanite.areas.repositories.facts import RepositoryFacts, Status, enter_key
from kyanite.areas.repositories.inspection import (
    FolderState,
    inspect_folder,
    require_container,
    require_suitable,
)
from kyanite.areas.repositories.jobs.tools import RepositoryTools, enter_engine, show_status
from kyanite.areas.repositories.key_reference import version_of
from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.areas.repositories.repositories import place
from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.vault_wrapping import VaultWrapping
from kyanite.base.errors import Conflict, Interrupted, KyaniteError, WrongKey
from kyanite.base.json_types import JsonObject, as_text
from kyanite.durable.context import JobContext
from kyanite.engine.key_slots import KeyVault
from kyanite.engine.repository import Repository as EngineRepository

_OPEN_PASSWORD_BYTES: Final = 24  # not a secret; random so that it is nobody's own password


class CreateRepository:
    """The job ``repository.create``; payload: ``repositoryId``, ``import``."""

    def __init__(self, tools: RepositoryTools) -> None:
        self._tools = tools

    def __call__(self, ctx: JobContext, payload: JsonObject) -> None:
        """Carry out the job. What goes wrong shows as the repository's status ``Failed``."""
        repository_id = as_text(payload.get("repositoryId"))
        try:
            self._work(ctx, repository_id, import_existing=payload.get("import") is True)
        except Interrupted:
            raise
        except KyaniteError as error:
            if not ctx.will_retry(error):
                show_status(ctx, repository_id, Status.FAILED)
            raise

    def _work(self, ctx: JobContext, repository_id: str, *, import_existing: bool) -> None:
        own, password = self._tools.load(ctx, repository_id)
        at = place(own)
        with ctx.line(f"Checking the storage account {own.storage_account_name}"):
            arm = self._tools.access.account_arm(own.account_id).with_check(ctx.check)
            immutable = require_suitable(arm, at, require_container(arm, at))
        if immutable:
            ctx.record("immutable", lambda db: _keep_immutable(db, own.id))
            own, at = replace(own, immutability_enabled=True), replace(at, immutable=True)
            ctx.log("The container locks versions of blobs: backups will be immutable")
        storage = self._tools.access.storage(at, check=ctx.check)
        state = ctx.step("look at the folder", lambda: inspect_folder(storage).state.value)
        if state == FolderState.FOREIGN:
            raise Conflict(f"The folder {own.folder} holds other data; choose another folder.")
        if state == FolderState.NEW:
            self._make(ctx, own, storage)
        else:
            self._register(ctx, own, storage, password, import_existing=import_existing)

    def _make(self, ctx: JobContext, own: RepositoryFacts, storage: BlobStorage) -> None:
        ctx.record("choose the open password", lambda db: self._choose_password(db, own))
        own, password = self._tools.load(ctx, own.id)
        wrapping = self._wrapping(own)
        with ctx.line(f"Creating the repository in {own.container}/{own.folder}"):
            self._claim(storage, own, password)
            engine = _create_or_resume(storage, wrapping or password)
            if wrapping is not None and own.key is not None:
                key = replace(own.key, version=version_of(wrapping.version_id))
                self._claim(storage, replace(own, key=key), password)
        version = version_of(wrapping.version_id) if wrapping else ""
        ctx.record("ready", lambda db: self._finish(db, own.id, engine, version))

    def _wrapping(self, own: RepositoryFacts) -> VaultWrapping | None:
        if own.key is None:
            return None
        return self._tools.access.unlocking.wrapping(own.account_id, own.key)

    def _claim(self, storage: BlobStorage, own: RepositoryFacts, password: str) -> None:
        """Mark the folder as ours before anything else is in it: of two who want it, one fails."""
        owner = self._tools.this_appliance.owner()
        found = read_mark(storage)
        if found is not None and found.owner is not None and found.owner.id != owner.id:
            raise Conflict(
                f"The appliance {found.owner.name} is creating a repository in the same folder."
            )
        mark = Mark(
            owner=owner,
            tier="Inferred" if own.tier_inferred else own.tier,
            is_encrypted=own.is_encrypted,
            hint=own.hint,
            open_password="" if own.is_encrypted else password,
            key=own.key,
        )
        write_mark(storage, mark)

    def _register(
        self,
        ctx: JobContext,
        own: RepositoryFacts,
        storage: BlobStorage,
        password: str,
        *,
        import_existing: bool,
    ) -> None:
        mark = read_mark(storage)
        asked_tier = "Inferred" if own.tier_inferred else own.tier
        require_importable(own.folder, mark, import_existing, asked_tier)
        show_status(ctx, own.id, Status.IMPORTING)
        with ctx.line("Opening the existing repository"):
            wrapping = self._wrapping(own) if not password else None
            engine = open_existing(storage, mark, password, wrapping)
            version = version_of(wrapping.version_id) if wrapping else ""
        this = self._tools.this_appliance.owner()
        other = mark.owner if mark is not None else None
        if other is not None and other.id == this.id:
            other = None
        ctx.record(
            "keep what was found", lambda db: self._keep_found(db, own, mark, other, version)
        )
        if other is not None:
            ctx.warn(
                f"The repository belongs to the appliance {other.name}. It can be read; "
                "take it over before backing up to it.",
            )
        else:
            found = mark or Mark(None, asked_tier, is_encrypted=True, hint=None, number=0)
            write_mark(storage, replace(found, owner=this))
        import_all(ctx, self._tools.followers, own.id, engine)
        ctx.record("ready", lambda db: self._finish(db, own.id, engine, version))

    def _choose_password(self, db: Session, own: RepositoryFacts) -> None:
        """Without encryption the engine seals as well; the password is one that is published."""
        if not own.is_encrypted:
            enter_key(queries.get_row(db, own.id), None)
            queries.get_row(db, own.id).pending_password_sealed = self._tools.secrets.seal_text(
                secrets.token_urlsafe(_OPEN_PASSWORD_BYTES), row_id=own.id
            )

    def _keep_found(
        self,
        db: Session,
        own: RepositoryFacts,
        mark: Mark | None,
        other_owner: Owner | None,
        key_version: str,
    ) -> None:
        """What the mark of the repository that was there says of it."""
        row = queries.get_row(db, own.id)
        row.is_encrypted = mark is None or mark.is_encrypted
        row.hint = mark.hint if mark is not None else None
        if not key_version:  # something else than a key of a vault has opened it
            enter_key(row, None)
        if mark is not None and mark.tier != "Inferred":
            row.tier, row.tier_inferred = mark.tier, False
        if other_owner is not None:
            row.owner_id, row.owner_name = other_owner.id, other_owner.name

    def _finish(
        self, db: Session, repository_id: str, engine: EngineRepository, key_version: str
    ) -> None:
        row = queries.get_row(db, repository_id)
        enter_engine(row, engine, self._tools.secrets)
        row.key_version = key_version or None
        row.status = Status.READY.value


def _keep_immutable(db: Session, repository_id: str) -> None:
    queries.get_row(db, repository_id).immutability_enabled = True


def _create_or_resume(storage: BlobStorage, opener: str | KeyVault) -> EngineRepository:
    """The new repository; or the one that an interrupted attempt made for this opener."""
    try:
        if isinstance(opener, str):
            return EngineRepository.create(storage, opener)
        return EngineRepository.create_with_vault(storage, opener)
    except Conflict as conflict:
        try:
            if isinstance(opener, str):
                return EngineRepository.open(storage, opener)
            return EngineRepository.open_with_vault(storage, opener)
        except WrongKey:
            raise conflict from None
