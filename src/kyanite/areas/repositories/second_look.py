"""Comparing what is known of a repository with what is in it: the repository is right.

The database may be older than the repository, because a copy of it was put back; another
appliance may have worked there; objects may be gone. Points that are not known are entered,
those that are gone are forgotten, and writing sessions that nobody goes on with are ended, since
they keep the space of what is deleted. Nothing else in the repository is changed.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.adoption import adopt, read_points
from kyanite.areas.repositories.dead_sessions import end_forgotten
from kyanite.areas.repositories.followers import Followers
from kyanite.areas.repositories.repositories import Repositories, place
from kyanite.base.json_types import JsonValue
from kyanite.durable.context import JobContext


class SecondLook:
    """Looks at registered repositories again."""

    def __init__(self, access: Repositories, followers: Followers) -> None:
        self._access = access
        self._followers = followers

    def look(self, ctx: JobContext, repository_id: str) -> JsonValue:
        """Compare, and put the database right; how many points and sessions it was.

        The session's log says what was found. May run again, and beside backups. Raises what
        opening a repository raises.
        """
        with ctx.database.reading() as db:
            own = queries.get_repository(db, repository_id)
            # Before the listing: what is entered meanwhile is in the repository as well.
            known = self._known(db, own.id)
        owner = self._access.ownership.look(own, self._access.storage(place(own), check=ctx.check))
        engine = self._access.open(own.id, check=ctx.check)
        there = set(engine.point_ids())
        new = read_points(ctx, engine, there - known) if there - known else []
        adopted = adopt(ctx, self._followers, own.id, new) if new else 0
        forgotten = self._forget(ctx, own.id, known - there)
        ended = 0
        if self._access.ownership.is_us(owner):
            ended = end_forgotten(ctx, self._followers, engine, own.id)
        for count, what in (
            (adopted, "restore points were found that were not known here"),
            (forgotten, "restore points are not in it any more and were forgotten"),
            (ended, "writing sessions that nobody goes on with were ended"),
        ):
            if count:
                ctx.log(f"Repository {own.name}: {count} {what}")
        return {"adopted": adopted, "forgotten": forgotten, "ended": ended}

    def _known(self, db: Session, repository_id: str) -> set[str]:
        return set().union(*(one.known_points(db, repository_id) for one in self._followers.all))

    def _forget(self, ctx: JobContext, repository_id: str, gone: set[str]) -> int:
        if not gone:
            return 0
        with ctx.transaction() as db:
            return sum(one.forget_gone(db, repository_id, gone) for one in self._followers.all)
