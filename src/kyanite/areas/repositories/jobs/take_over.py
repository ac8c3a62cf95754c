"""Making this appliance the owner of a repository.

The folder's mark is replaced first, and then every writing session that is open is ended. A
writer of the former owner that has begun before can therefore not commit any more; one that
begins later finds the new mark, since it looks for it after its session is open. Then the
database follows, and points that the other appliance made are adopted. Every step may run twice.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.adoption import import_all
from kyanite.areas.repositories.dead_sessions import end_all_others
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.mark import Mark, read_mark, write_mark
from kyanite.areas.repositories.repositories import place
from kyanite.base.json_types import JsonObject, as_text
from kyanite.durable.context import JobContext


class TakeRepositoryOver:
    """The job ``repository.take_over``; payload: ``repositoryId``."""

    def __init__(self, tools: RepositoryTools) -> None:
        self._tools = tools

    def __call__(self, ctx: JobContext, payload: JsonObject) -> None:
        """Carry out the job."""
        own, _ = self._tools.load(ctx, as_text(payload.get("repositoryId")))
        with ctx.line("Opening the repository"):
            engine = self._tools.access.open(own.id, check=ctx.check)
            storage = self._tools.access.storage(place(own), check=ctx.check)
        this = self._tools.this_appliance.owner()
        with ctx.line("Entering this appliance as the owner"):
            found = read_mark(storage)
            before = found.owner if found is not None else None
            tier = "Inferred" if own.tier_inferred else own.tier
            mark = found or Mark(None, tier, own.is_encrypted, own.hint, key=own.key, number=0)
            write_mark(storage, replace(mark, owner=this))
            ended = end_all_others(ctx, self._tools.followers, engine, own.id)
            ctx.record("owner", lambda db: _own(db, own.id))
        if before is not None and before.id != this.id:
            ctx.log(f"The appliance {before.name} must not use the repository any more")
        if ended:
            ctx.log(f"{ended} backups that were being written were ended: they cannot commit")
        import_all(ctx, self._tools.followers, own.id, engine)


def _own(db: Session, repository_id: str) -> None:
    row = queries.get_row(db, repository_id)
    row.owner_id, row.owner_name = None, None
