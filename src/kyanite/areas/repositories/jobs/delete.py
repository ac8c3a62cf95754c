"""Removing the registration of a repository. The folder and all backups in it stay.

The mark loses its owner, so that any appliance may register the folder again; a folder that
cannot be reached any more does not keep its registration alive.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import USED_KIND, RepositoryFacts
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.mark import read_mark, write_mark
from kyanite.areas.repositories.removal import require_unused
from kyanite.areas.repositories.repositories import place
from kyanite.areas.sessions import repository_removed
from kyanite.base.errors import AzureError, Conflict, EngineError, NotFound, StorageError
from kyanite.base.json_types import JsonObject, as_text
from kyanite.db.uses import Thing, forget_user, lock_used
from kyanite.durable.context import JobContext
from kyanite.rules.sessions import SessionStatus


class DeleteRepository:
    """The job ``repository.delete``; payload: ``repositoryId``."""

    def __init__(self, tools: RepositoryTools) -> None:
        self._tools = tools

    def __call__(self, ctx: JobContext, payload: JsonObject) -> None:
        """Carry out the job. A repository that is gone already is no error: an attempt of this
        job removed it."""
        repository_id = as_text(payload.get("repositoryId"))
        try:
            own, _ = self._tools.load(ctx, repository_id)
        except NotFound:
            return
        with ctx.database.reading() as db:  # a policy may have taken it up since the request
            require_unused(db, own.id, self._tools.followers)
        with ctx.line("Giving up the ownership of the folder") as line:
            try:
                self._release(ctx, own)
            except (AzureError, StorageError, EngineError, Conflict, NotFound) as error:
                line.end(
                    SessionStatus.WARNING,
                    f"The folder still names this appliance as its owner: {error}",
                )
        ctx.record("remove", lambda db: self._remove(db, own))

    def _release(self, ctx: JobContext, own: RepositoryFacts) -> None:
        if own.has_another_owner:
            return
        storage = self._tools.access.storage(place(own), check=ctx.check)
        mark = read_mark(storage)
        this = self._tools.this_appliance.owner()
        if mark is not None and mark.owner is not None and mark.owner.id == this.id:
            write_mark(storage, replace(mark, owner=None))

    def _remove(self, db: Session, own: RepositoryFacts) -> None:
        lock_used(db, [Thing(USED_KIND, own.id)])
        require_unused(db, own.id, self._tools.followers)
        for follower in self._tools.followers.all:
            follower.forget_points(db, own.id)
        forget_user(db, Thing(USED_KIND, own.id))
        queries.delete_row(db, own.id)
        repository_removed(db, own.id)
