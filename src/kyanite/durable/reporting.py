"""What a job tells people about its session: lines, items, things restored and deleted.

Everything is written once, however often the job is repeated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy.orm import Session

from kyanite.base.errors import Cancelled, LeaseLost
from kyanite.base.json_types import JsonObject, as_text
from kyanite.db.database import Database
from kyanite.durable.item import Item
from kyanite.durable.log_line import LogLine
from kyanite.durable.queue import Attempt
from kyanite.durable.results import ItemResource, begin_run, put_item
from kyanite.durable.session_log import line_key, mark_session, write_line
from kyanite.rules.sessions import SessionStatus


class Reporting(ABC):
    """The part of `JobContext` that shows."""

    database: Database
    attempt: Attempt
    session_id: str

    def __init__(self) -> None:
        self.items: list[Item] = []

    @property
    def job_id(self) -> str:
        """The id of this job; for the root job it is the session's id."""
        return self.attempt.job_id

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Session]:
        """See `JobContext.transaction`."""

    @abstractmethod
    def will_retry(self, error: Exception) -> bool:
        """See `JobContext.will_retry`."""

    def log(
        self,
        message: str,
        status: SessionStatus = SessionStatus.SUCCESS,
        *,
        resource_id: str | None = None,
        key: str | None = None,
    ) -> LogLine:
        """Write a line of the session's log.

        Repeated with the same ``key`` (by default: the message) by the same job it is the same
        line, so a job that runs again does not write it twice. With the status ``Running`` it
        is a line in progress: `LogLine.end` ends it.
        """
        line = LogLine(self, line_key(self.job_id, key or message), message, resource_id)
        line.show(status, message)
        return line

    @contextmanager
    def line(
        self, message: str, *, resource_id: str | None = None, key: str | None = None
    ) -> Iterator[LogLine]:
        """A line in progress while the block runs; then ``Success``, or ``Error`` with the reason.

        What was set by `LogLine.end` in the block stays. When the job is to be done again, the
        line stays in progress until then.
        """
        line = self.log(message, SessionStatus.RUNNING, resource_id=resource_id, key=key)
        try:
            yield line
        except Cancelled:
            line.end(SessionStatus.CANCELED)
            raise
        except LeaseLost:
            raise
        except Exception as error:
            if not self.will_retry(error):
                line.fail(error)
            raise
        line.end(SessionStatus.SUCCESS)

    def item(self, resource: ItemResource, *, attempt: int = 1, total_bytes: int = 0) -> Item:
        """The item of ``protectedItems`` this job works on, now ``Running``.

        ``attempt`` counts the tries at it in this session, from 1. A job that runs again after
        a takeover finds its item as it was. When the job function returns, the item is
        ``Success``; when it raises, ``Error`` with the reason.
        """
        with self.transaction() as db:
            item_id = put_item(db, self.session_id, self.job_id, "protected", resource.id, resource)
            begin_run(db, item_id, attempt, SessionStatus.RUNNING)
        item = Item(self, item_id, attempt, resource.id)
        item.set_total(total_bytes)
        self.items.append(item)
        return item

    def pending_items(self, resources: Sequence[ItemResource], *, attempt: int = 1) -> None:
        """Show ``resources`` as ``Pending`` items before their jobs begin."""
        with self.transaction() as db:
            # In one order: two sessions may show the same machines for the first time together.
            for resource in sorted(resources, key=lambda one: one.id):
                item_id = put_item(
                    db, self.session_id, self.job_id, "protected", resource.id, resource
                )
                begin_run(db, item_id, attempt, SessionStatus.PENDING)

    def restored(self, key: str, *, name: str, detail: JsonObject) -> None:
        """List an object that was restored. ``detail``: ``resourceGroupName``, ``regionName``."""
        with self.transaction() as db:
            put_item(
                db,
                self.session_id,
                self.job_id,
                "restored",
                key,
                ItemResource(id=as_text(detail.get("resourceId")), name=name),
                detail,
            )

    def deleted(self, key: str, resource: ItemResource, *, detail: JsonObject) -> None:
        """List a restore point that was deleted.

        ``detail``: ``backupSizeBytes`` (null for snapshots), ``snapshotTime``, ``repositoryId``,
        ``repositoryName``. ``key`` is the point's id.
        """
        with self.transaction() as db:
            put_item(db, self.session_id, self.job_id, "deleted", key, resource, detail)

    def checked(self, key: str, *, name: str, detail: JsonObject) -> None:
        """List something whose restore points were looked at.

        ``detail``: ``status``, ``error``, ``totalRestorePoints``, ``corruptedRestorePoints``.
        ``key`` is its system id.
        """
        resource = ItemResource(id=key, name=name)
        with self.transaction() as db:
            put_item(db, self.session_id, self.job_id, "checked", key, resource, detail)

    def warn(self, message: str, *, key: str | None = None) -> None:
        """A line that makes the whole session end ``Warning`` at best."""
        self.log(message, SessionStatus.WARNING, key=key)

    def mark(self, result: SessionStatus) -> None:
        """Let the whole session end ``Warning`` or ``Error`` at best, without a line."""
        with self.transaction() as db:
            mark_session(db, self.session_id, result, lasting=True)

    def write_log(
        self, key: str, status: SessionStatus, message: str, resource_id: str | None
    ) -> None:
        """Write a line; used by `LogLine`."""
        with self.transaction() as db:
            write_line(
                db,
                self.session_id,
                key=key,
                status=status,
                message=message,
                resource_id=resource_id,
                job_id=self.job_id,
            )
