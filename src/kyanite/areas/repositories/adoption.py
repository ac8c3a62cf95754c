"""Entering the points that a repository holds: when it is registered, taken over, looked at."""

from __future__ import annotations

from collections.abc import Collection

from kyanite.areas.repositories.facts import USED_KIND
from kyanite.areas.repositories.followers import Followers
from kyanite.base.errors import EngineError
from kyanite.db.uses import Thing, lock_used
from kyanite.durable.context import JobContext
from kyanite.engine.point import Point
from kyanite.engine.repository import Repository as EngineRepository
from kyanite.rules.sessions import SessionStatus


def import_all(
    ctx: JobContext, followers: Followers, repository_id: str, engine: EngineRepository
) -> None:
    """Enter every point of a repository, with a line in the session's log."""
    with ctx.line("Importing restore points") as line:
        points = read_points(ctx, engine)
        imported = adopt(ctx, followers, repository_id, points)
        line.end(
            SessionStatus.SUCCESS,
            f"Importing restore points: {imported} of {len(points)} are new here",
        )


def read_points(
    ctx: JobContext, engine: EngineRepository, among: Collection[str] | None = None
) -> list[Point]:
    """The points that can be read; the others are warnings in the session's log."""

    def leave_out(session_id: str, error: EngineError) -> None:
        ctx.warn(f"The restore point of session {session_id} is left out: {error}")

    return engine.points(leave_out, among)


def adopt(
    ctx: JobContext, followers: Followers, repository_id: str, points: Collection[Point]
) -> int:
    """Enter the points that are not known yet; how many they were. May run again.

    A session that has just made one may be about to enter it itself: one of the two at a time.
    """
    adopted = 0
    for follower in followers.all:
        with ctx.transaction() as db:
            lock_used(db, [Thing(USED_KIND, repository_id)])
            adopted += follower.import_points(db, repository_id, list(points))
    return adopted
