"""Orders carried out by a data mover, again when the mover itself was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from kyanite.base.errors import MoverLost
from kyanite.datamover.messages import Progress
from kyanite.durable.context import JobContext
from kyanite.durable.item import Item
from kyanite.rules.sessions import SessionStatus

T = TypeVar("T")

LOST_MOVERS: Final = 3
"""A mover that dies is replaced; one that dies again and again has a reason to."""


def with_movers(ctx: JobContext, resource_id: str, transfer: Callable[[], T]) -> T:
    """Call ``transfer``; again, a few times, when it ended with ``MoverLost``."""
    for number in range(1, LOST_MOVERS + 1):
        try:
            return transfer()
        except MoverLost as lost:
            if number == LOST_MOVERS:
                raise
            ctx.log(
                f"{lost} It goes on with a new one",
                SessionStatus.SUCCESS,
                resource_id=resource_id,
                key=f"mover lost {number}",
            )
    raise AssertionError("unreachable")


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Future[T]]:
    """``work`` runs in a thread of its own during the block, and has ended after it."""
    with ThreadPoolExecutor(1, "beside") as pool:
        yield pool.submit(work)


def show_on(item: Item) -> Callable[[Progress], None]:
    """Shows the progress of a mover on an item of the session."""

    def show(progress: Progress) -> None:
        if progress.total_bytes:
            item.set_total(progress.total_bytes)
        item.set_moved(
            read=progress.read_bytes,
            processed=progress.processed_bytes,
            transferred=progress.stored_bytes,
        )

    return show
