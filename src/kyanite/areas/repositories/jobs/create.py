"""Making a repository in a folder, or registering the one that is there.

Steps: look at the folder (once: afterwards it would find its own work) → keep the keys →
mark as ours → make; or open → keep the keys → mark as ours → import; then ready. The master
key is in the database, sealed, before anything is sealed with it, so a kill at any moment
leaves nothing that cannot be opened; every other step may run twice.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from typing import Final

from kyanite.engine.repository import Repository as EngineRepository
from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.existing import open_existing, require_importable
from kyanite.areas.repositories.facts import RepositoryFacts, Status
from kyanite.areas.repositories.inspection import (
    FolderState,
    inspect_folder,
    require_container,
    require_suitable,
)
from kyanite.areas.repositories.jobs.tools import RepositoryTools, show_status
from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.areas.repositories.repositories import place
from kyanite.azure.blob.storage import BlobStorage
from kyanite.base.errors import Conflict, Interrupted, KyaniteError, ObjectExists, WrongKey
from kyanite.base.json_types import JsonObject, as_text
from kyanite.durable.context import JobContext
from kyanite.engine.format import KEY_BYTES
from kyanite.rules.sessions import SessionStatus

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
        except KyaniteError:
            show_status(ctx, repository_id, Status.FAILED)
            raise

    def _work(self, ctx: JobContext, repository_id: str, *, import_existing: bool) -> None:
        own, password = self._tools.load(ctx, repository_id)
        if own.status is Status.FAILED:  # an earlier attempt of this job
            show_status(ctx, own.id, Status.CREATING)
        at = place(own)
        with ctx.line(f"Checking the storage account {own.storage_account_name}"):
            arm = self._tools.access.account_arm(own.account_id).with_check(ctx.check)
            require_suitable(arm, at, require_container(arm, at))
            storage = self._tools.access.storage(at, check=ctx.check)
        state = ctx.step("look at the folder", lambda: inspect_folder(storage).state.value)
        if state == FolderState.FOREIGN:
            raise Conflict(f"The folder {own.folder} holds other data; choose another folder.")
        if state == FolderState.NEW:
            self._make(ctx, own, storage)
        else:
            self._register(ctx, own, storage, password, import_existing=import_existing)

    def _make(self, ctx: JobContext, own: RepositoryFacts, storage: BlobStorage) -> None:
        ctx.record("keep the keys", lambda db: self._draw_keys(db, own))
        with ctx.database.reading() as db:
            row = queries.get_row(db, own.id)
            master_sealed, password_sealed = row.master_key_sealed, row.pending_password_sealed
        assert master_sealed is not None
        assert password_sealed is not None
        box = self._tools.secrets
        master = box.open(master_sealed, row_id=own.id)
        password = box.open_text(password_sealed, row_id=own.id)
        with ctx.line(f"Creating the repository in {own.container}/{own.folder}"):
            self._claim(storage, own, password)
            engine = _create_or_resume(storage, password, master)
        ctx.record("ready", lambda db: _finish(db, own.id, engine))

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
            engine = open_existing(storage, mark, password)
        this = self._tools.this_appliance.owner()
        other = mark.owner if mark is not None else None
        if other is not None and other.id == this.id:
            other = None
        ctx.record("keep the keys", lambda db: self._keep_found(db, own, engine, mark, other))
        if other is not None:
            ctx.warn(
                f"The repository belongs to the appliance {other.name}. It can be read; "
                "take it over before backing up to it.",
            )
        else:
            found = mark or Mark(owner=None, tier=asked_tier, is_encrypted=True, hint=None)
            write_mark(storage, replace(found, owner=this))
        with ctx.line("Importing restore points") as line:
            points = engine.points()
            imported = 0
            for follower in self._tools.followers.all:
                with ctx.transaction() as db:
                    imported += follower.import_points(db, own.id, points)
            line.end(
                SessionStatus.SUCCESS,
                f"Importing restore points: {imported} of {len(points)} are new here",
            )
        ctx.record("ready", lambda db: _finish(db, own.id, engine))

    def _draw_keys(self, db: Session, own: RepositoryFacts) -> None:
        """A new master key; without encryption also the password that everybody may know."""
        row = queries.get_row(db, own.id)
        box = self._tools.secrets
        row.master_key_sealed = box.seal(os.urandom(KEY_BYTES), row_id=own.id)
        if not own.is_encrypted:
            row.pending_password_sealed = box.seal_text(
                secrets.token_urlsafe(_OPEN_PASSWORD_BYTES), row_id=own.id
            )

    def _keep_found(
        self,
        db: Session,
        own: RepositoryFacts,
        engine: EngineRepository,
        mark: Mark | None,
        other_owner: Owner | None,
    ) -> None:
        """The key of the repository that was there, and what its mark says of it."""
        row = queries.get_row(db, own.id)
        row.master_key_sealed = self._tools.secrets.seal(engine.master_key, row_id=own.id)
        row.is_encrypted = mark is None or mark.is_encrypted
        row.hint = mark.hint if mark is not None else None
        if mark is not None and mark.tier != "Inferred":
            row.tier, row.tier_inferred = mark.tier, False
        if other_owner is not None:
            row.owner_id, row.owner_name = other_owner.id, other_owner.name


def _create_or_resume(storage: BlobStorage, password: str, master_key: bytes) -> EngineRepository:
    """The repository with this master key; one that an interrupted attempt made is finished."""
    try:
        return EngineRepository.create(storage, password, master_key=master_key)
    except ObjectExists:
        pass
    try:
        engine = EngineRepository.open_with_master(storage, master_key)
    except WrongKey as error:
        raise Conflict(
            "Somebody else has just created a repository in the same folder; choose another one."
        ) from error
    if not engine.check_password(password):
        engine.change_password(password)
    return engine


def _finish(db: Session, repository_id: str, engine: EngineRepository) -> None:
    row = queries.get_row(db, repository_id)
    row.engine_repository_id = engine.repository_id.hex()
    row.pending_password_sealed = None
    row.status = Status.READY.value
