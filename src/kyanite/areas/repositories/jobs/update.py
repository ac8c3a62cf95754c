"""Changing a registered repository: settings, account, what opens it.

The folder is changed first, the database last; each step may run twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from kyanite.areas.accounts import USED_KIND as ACCOUNT_USED_KIND
from kyanite.areas.accounts import find_account
from kyanite.areas.inventory import STORAGE_ACCOUNT_USED_KIND
from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import (
    USED_KIND,
    RepositoryFacts,
    Status,
    enter_key,
    from_row,
)
from kyanite.areas.repositories.inspection import require_container
from kyanite.areas.repositories.jobs.change_opener import change_opener
from kyanite.areas.repositories.jobs.tools import RepositoryTools, enter_engine
from kyanite.areas.repositories.key_reference import VAULT_USED_KIND, KeyReference, version_of
from kyanite.areas.repositories.mark import Mark, read_mark, write_mark
from kyanite.areas.repositories.repositories import Place, place
from kyanite.base.errors import Conflict, NotFound
from kyanite.base.json_types import JsonObject, JsonValue, as_object, as_text
from kyanite.db.uses import Thing, lock_used, replace_uses
from kyanite.durable.context import JobContext
from kyanite.engine.format import REPOSITORY_NAME


class UpdateRepository:
    """The job ``repository.update``; payload: ``repositoryId``, ``changes``.

    ``changes`` has the members ``name``, ``description``, ``accountId``, ``concurrencyLimit``,
    ``hint``, all of them final values, and ``key`` for a new one; a new password waits, sealed,
    in the row.
    """

    def __init__(self, tools: RepositoryTools) -> None:
        self._tools = tools

    def __call__(self, ctx: JobContext, payload: JsonObject) -> None:
        """Carry out the job. After a failure the database is as before; a password that waits
        is replaced or taken up by the next request."""
        repository_id = as_text(payload.get("repositoryId"))
        changes = as_object(payload.get("changes"))
        own, password = self._tools.load(ctx, repository_id)
        key = KeyReference.from_json(as_object(changes.get("key")))
        at = replace(place(own), account_id=as_text(changes.get("accountId")))
        if at.account_id != own.account_id:
            self._reach(ctx, own, at)
        hint = as_text(changes.get("hint")) or None
        if not password and key is None and hint == own.hint:
            ctx.record("apply", lambda db: _apply(db, own.id, changes))
        else:
            self._change_folder(ctx, own, at, password, key, changes)
        ctx.log("The settings of the repository were changed")

    def _reach(self, ctx: JobContext, own: RepositoryFacts, at: Place) -> None:
        """See that another account reaches the repository before it is entered."""
        with ctx.line("Checking access with the new service account"):
            arm = self._tools.access.account_arm(at.account_id).with_check(ctx.check)
            require_container(arm, at)
            if own.status is Status.READY:
                self._tools.access.storage(at, check=ctx.check).size(REPOSITORY_NAME)
            if own.key is not None:
                self._tools.access.unlocking.require_usable(at.account_id, own.key)

    def _change_folder(
        self,
        ctx: JobContext,
        own: RepositoryFacts,
        at: Place,
        password: str,
        key: KeyReference | None,
        changes: Mapping[str, JsonValue],
    ) -> None:
        """What opens the repository, and the mark; then the database."""
        storage = self._tools.access.storage(at, check=ctx.check)
        found = read_mark(storage)
        owner = self._tools.this_appliance.owner()
        if found is not None and found.owner is not None and found.owner.id != owner.id:
            raise Conflict(
                f"The repository belongs to the appliance {found.owner.name} now.",
                resource_id=own.id,
            )
        engine = None
        now_key = own.key
        if password:
            with ctx.line("Changing the password"):
                engine = change_opener(ctx, self._tools, own, storage, password)
            now_key = None
        elif key is not None:
            with ctx.line(f"Changing the key to {key.name} of the vault {key.vault_name}"):
                unlocking = self._tools.access.unlocking
                unlocking.require_usable(at.account_id, key)
                wrapping = unlocking.wrapping(at.account_id, key)
                engine = change_opener(ctx, self._tools, own, storage, wrapping)
            now_key = replace(key, version=version_of(wrapping.version_id))
        is_encrypted = own.is_encrypted or engine is not None
        write_mark(
            storage,
            Mark(
                owner=owner,
                tier=found.tier if found else ("Inferred" if own.tier_inferred else own.tier),
                is_encrypted=is_encrypted,
                hint=as_text(changes.get("hint")) or None,
                open_password="" if is_encrypted or found is None else found.open_password,
                key=now_key,
                number=found.number if found is not None else 0,
            ),
        )

        def apply(db: Session) -> None:
            if engine is not None:
                row = queries.get_row(db, own.id)
                enter_engine(row, engine, self._tools.secrets)
                enter_key(row, now_key)
                row.is_encrypted = True
            _apply(db, own.id, changes)

        ctx.record("apply", apply)


def _apply(db: Session, repository_id: str, changes: Mapping[str, JsonValue]) -> None:
    row = queries.get_row(db, repository_id)
    name = as_text(changes.get("name"))
    if queries.name_is_taken(db, name, except_id=row.id):
        raise Conflict(f"There is a repository named {name} already.")
    lock_used(db, [Thing(ACCOUNT_USED_KIND, as_text(changes.get("accountId")))])
    account = find_account(db, as_text(changes.get("accountId")))
    if account is None:
        raise NotFound("The service account was removed meanwhile.")
    limit = changes.get("concurrencyLimit")
    row.name, row.name_key = name, name.lower()
    row.description = as_text(changes.get("description")) or None
    row.account_id, row.tenant_id = account.id, account.tenant_id
    row.concurrency_limit = limit if isinstance(limit, int) else None
    row.hint = as_text(changes.get("hint")) or None
    row.pending_password_sealed = None
    key = from_row(row).key
    replace_uses(
        db,
        Thing(USED_KIND, row.id),
        [
            Thing(ACCOUNT_USED_KIND, account.id),
            Thing(STORAGE_ACCOUNT_USED_KIND, row.storage_account_id),
            *([Thing(VAULT_USED_KIND, key.vault_id)] if key else []),
        ],
    )
