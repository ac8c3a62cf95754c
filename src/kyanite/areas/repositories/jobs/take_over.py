"""Making this appliance the owner of a repository.

The folder's mark is replaced first: from then on the former owner notices and stops writing.
Then the database follows, and points that the other appliance made meanwhile are adopted. Every
step may run twice.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.mark import Mark, read_mark, write_mark
from kyanite.areas.repositories.repositories import place
from kyanite.base.json_types import JsonObject, as_text
from kyanite.durable.context import JobContext
from kyanite.rules.sessions import SessionStatus


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
        found = read_mark(storage)
        before = found.owner if found is not None else None
        with ctx.line("Entering this appliance as the owner"):
            tier = "Inferred" if own.tier_inferred else own.tier
            mark = found or Mark(None, tier, own.is_encrypted, own.hint, key=own.key)
            write_mark(storage, replace(mark, owner=this))
            ctx.record("owner", lambda db: _own(db, own.id))
        if before is not None and before.id != this.id:
            ctx.log(f"The appliance {before.name} must not use the repository any more")
        with ctx.line("Importing restore points") as line:
            points = engine.points(
                lambda session_id, error: ctx.warn(
                    f"The restore point of session {session_id} is left out: {error}"
                )
            )
            imported = 0
            for follower in self._tools.followers.all:
                with ctx.transaction() as db:
                    imported += follower.import_points(db, own.id, points)
            line.end(
                SessionStatus.SUCCESS,
                f"Importing restore points: {imported} of {len(points)} are new here",
            )


def _own(db: Session, repository_id: str) -> None:
    row = queries.get_row(db, repository_id)
    row.owner_id, row.owner_name = None, None
