"""Writing sessions in a repository that nobody may, or will, go on with.

An open one keeps the space of everything that is deleted, and could still commit. Ending it puts
a void in the place of its point: whoever was writing it is refused (docs/decisions/0002).
"""

from __future__ import annotations

import uuid
from typing import Final

from kyanite.areas.repositories.followers import Followers
from kyanite.durable.context import JobContext
from kyanite.engine.repository import Repository as EngineRepository

_MADE_BY_A_JOB: Final = 5
"""Jobs derive the ids of their writing sessions (UUID version 5); others draw theirs."""


def end_forgotten(
    ctx: JobContext, followers: Followers, engine: EngineRepository, repository_id: str
) -> int:
    """End those that a job of an appliance has opened and no job here goes on with; how many.

    What was opened by hand stays: whoever did that is not known to any database.
    """
    return _end(ctx, followers, engine, repository_id, "its appliance has forgotten it", all=False)


def end_all_others(
    ctx: JobContext, followers: Followers, engine: EngineRepository, repository_id: str
) -> int:
    """End all that no job here goes on with, since the repository is taken over; how many."""
    return _end(ctx, followers, engine, repository_id, "the repository was taken over", all=True)


def _end(
    ctx: JobContext,
    followers: Followers,
    engine: EngineRepository,
    repository_id: str,
    reason: str,
    *,
    all: bool,
) -> int:
    # The listing first: a job that begins meanwhile is in the database before its session.
    still_open = [
        one for one in engine.open_sessions() if all or uuid.UUID(one).version == _MADE_BY_A_JOB
    ]
    if not still_open:
        return 0
    with ctx.database.reading() as db:
        ours = {
            one
            for follower in followers.all
            for one in follower.writing_sessions(db, repository_id)
        }
    return sum(engine.abandon_session(one, reason) for one in still_open if one not in ours)
