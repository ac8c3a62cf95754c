"""Sessions of the past, as rows: what a long time of work would have left behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject
from kyanite.durable.names import POLICY, REPOSITORY, remember_names
from kyanite.durable.results import Bytes, ItemResource, begin_run, end_run, put_item, raise_bytes
from kyanite.durable.session_log import write_line
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.sessions import FINAL, SessionStatus


def past_session(
    db: Session,
    type_name: str,
    began_at: datetime,
    *,
    status: str = "Success",
    duration: timedelta = timedelta(minutes=5),
    policy: tuple[str, str] | None = None,
    policy_type: str = "VirtualMachines",
    repository: tuple[str, str] | None = None,
) -> str:
    """A session with one line in its log; `policy` and `repository` are id and name."""
    session_id = new_id()
    policy_id, policy_name = policy or (None, None)
    repository_id, repository_name = repository or (None, None)
    is_over = SessionStatus(status) in FINAL
    db.add(
        SessionRow(
            id=session_id,
            type=type_name,
            status=status,
            created_at=began_at,
            began_at=began_at,
            started_at=began_at,
            finished_at=began_at + duration if is_over else None,
            policy_id=policy_id,
            policy_name=policy_name,
            policy_type=policy_type if policy else None,
            repository_id=repository_id,
            repository_name=repository_name,
        )
    )
    remember_names(db, POLICY, [(policy_id, policy_name)])
    remember_names(db, REPOSITORY, [(repository_id, repository_name)])
    db.flush()
    write_line(
        db, session_id, key="started", status=SessionStatus.SUCCESS, message="Session started"
    )
    return session_id


def past_item(
    db: Session,
    session_id: str,
    kind: str,
    resource: ItemResource,
    *,
    detail: JsonObject | None = None,
    status: SessionStatus = SessionStatus.SUCCESS,
) -> int:
    """Something the session processed, with one attempt if it was protected."""
    item_id = put_item(db, session_id, session_id, kind, resource.id, resource, detail)
    if kind == "protected":
        begin_run(db, item_id, 1, SessionStatus.RUNNING)
        raise_bytes(db, item_id, 1, Bytes(100, 90, 80, 70))
        end_run(db, item_id, 1, status)
    return item_id
