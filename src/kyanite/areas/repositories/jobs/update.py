"""Changing a registered repository: settings, account, password.

The folder is changed first, the database last; each step may run twice. A password is
changed by a new key slot and the removal of the others; the master key stays, so older
restore points stay readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from kyanite.areas.accounts import USED_KIND as ACCOUNT_USED_KIND
from kyanite.areas.accounts import find_account
from kyanite.areas.inventory import STORAGE_ACCOUNT_USED_KIND
from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import USED_KIND, RepositoryFacts, Status
from kyanite.areas.repositories.inspection import require_container
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.mark import Mark, read_mark, write_mark
from kyanite.areas.repositories.repositories import Place, place
from kyanite.base.errors import Conflict, NotFound
from kyanite.base.json_types import JsonObject, JsonValue, as_object, as_text
from kyanite.db.uses import Thing, lock_used, replace_uses
from kyanite.durable.context import JobContext
from kyanite.engine.format import REPOSITORY_NAME


class UpdateRepository:
    """The job ``repository.update``; payload: ``repositoryId``, ``changes``.

    ``changes`` has the members ``name``, ``description``, ``accountId``, ``concurrencyLimit``
    and ``hint``, all of them final values; a new password waits, sealed, in the row.
    """

    def __init__(self, tools: RepositoryTools) -> None:
        self._tools = tools

    def __call__(self, ctx: JobContext, payload: JsonObject) -> None:
        """Carry out the job. After a failure the database is as before; a password that waits
        is replaced or taken up by the next request."""
        repository_id = as_text(payload.get("repositoryId"))
        changes = as_object(payload.get("changes"))
        own, password = self._tools.load(ctx, repository_id)
        at = replace(place(own), account_id=as_text(changes.get("accountId")))
        if at.account_id != own.account_id:
            self._reach(ctx, own, at)
        self._change_folder(ctx, own, at, password, as_text(changes.get("hint")) or None)
        ctx.record("apply", lambda db: _apply(db, own.id, changes, encrypted=bool(password)))
        ctx.log("The settings of the repository were changed")

    def _reach(self, ctx: JobContext, own: RepositoryFacts, at: Place) -> None:
        """See that another account reaches the repository before it is entered."""
        with ctx.line("Checking access with the new service account"):
            arm = self._tools.access.account_arm(at.account_id).with_check(ctx.check)
            require_container(arm, at)
            if own.status is Status.READY:
                self._tools.access.storage(at, check=ctx.check).size(REPOSITORY_NAME)

    def _change_folder(
        self, ctx: JobContext, own: RepositoryFacts, at: Place, password: str, hint: str | None
    ) -> None:
        """Password and mark. Nothing is written when neither changes."""
        if not password and hint == own.hint:
            return
        storage = self._tools.access.storage(at, check=ctx.check)
        if password:
            with ctx.line("Changing the password"):
                engine = self._tools.access.open(own.id, at=at, check=ctx.check)
                if not engine.check_password(password):
                    engine.change_password(password)
        found = read_mark(storage)
        owner = self._tools.this_appliance.owner()
        if found is not None and found.owner is not None and found.owner.id != owner.id:
            raise Conflict(
                f"The repository belongs to the appliance {found.owner.name} now.",
                resource_id=own.id,
            )
        write_mark(
            storage,
            Mark(
                owner=owner,
                tier=found.tier if found else ("Inferred" if own.tier_inferred else own.tier),
                is_encrypted=own.is_encrypted or bool(password),
                hint=hint,
                open_password="" if password or found is None else found.open_password,
            ),
        )


def _apply(
    db: Session, repository_id: str, changes: Mapping[str, JsonValue], *, encrypted: bool
) -> None:
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
    row.is_encrypted = row.is_encrypted or encrypted
    row.pending_password_sealed = None
    replace_uses(
        db,
        Thing(USED_KIND, row.id),
        [
            Thing(ACCOUNT_USED_KIND, account.id),
            Thing(STORAGE_ACCOUNT_USED_KIND, row.storage_account_id),
        ],
    )
