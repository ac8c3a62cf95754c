"""Who did what, when, to which object: what a request leaves in the audit log.

Only `areas/audit` knows how the log is kept; it gives the application an `AuditTrail`. Every
operation that changes something is recorded in the transaction of the change, so that there is
none without the other; one that was refused for want of a right is recorded as well. Bodies are
never recorded: they may hold secrets. A use case that has something to say about the change says
it with `note`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.contract.operation import Operation
from kyanite.db.database import Database
from kyanite.http.answers import Answered
from kyanite.http.provide import provisions
from kyanite.http.rights import Principal
from kyanite.http.unit_of_work import Work

FORBIDDEN = 403
_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_NOTE = "kyanite.audit_note"
_MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Actor:
    """Who did it. `user_id` is empty for somebody who is not known (yet)."""

    user_id: str
    name: str
    role: str
    address: str


HOST: Final = Actor("", "host", "", "")
"""Whoever may read the appliance's folder and runs a command there."""


@dataclass(frozen=True)
class AuditEvent:
    """One line of the log, without number and time.

    ``action``: the id of an operation, or a name of its own. ``target``: ids of what it was
    done to. ``status``: how it was answered, as an HTTP status.
    """

    actor: Actor
    action: str
    target: str
    status: int
    detail: str = ""


class AuditTrail(Protocol):
    """The log."""

    def append(self, db: Session, event: AuditEvent) -> None:
        """Write an event, as the last thing in its transaction."""
        ...


def address_of(request: Request) -> str:
    """The network address that a request came from."""
    return request.client.host if request.client else ""


def note(request: Request, text: str) -> None:
    """Add words to what the log says of this request; never a secret."""
    request.scope[_NOTE] = text[:_MOST_CHARACTERS]


def actor_of(request: Request, principal: Principal) -> Actor:
    """The signed-in caller."""
    return Actor(principal.user_id, principal.username, principal.role.value, address_of(request))


def record_change(operation: Operation, work: Work, result: object, status: int) -> None:
    """Record what a signed-in caller has changed, in the transaction of the change."""
    principal = getattr(work.request.state, "principal", None)
    if not work.writes or not isinstance(principal, Principal):
        return
    event = AuditEvent(
        actor=actor_of(work.request, principal),
        action=operation.operation_id,
        target=_target(work.request, result),
        status=status,
        detail=str(work.request.scope.get(_NOTE, "")),
    )
    trail = provisions(work.request).get(AuditTrail)  # type: ignore[type-abstract]
    trail.append(work.db, event)


def record_refusal(operation: Operation, request: Request) -> None:
    """Record that a signed-in caller tried to change something without having the right."""
    principal = getattr(request.state, "principal", None)
    if request.method == "GET" or not isinstance(principal, Principal):
        return
    found = provisions(request)
    event = AuditEvent(
        actor=actor_of(request, principal),
        action=operation.operation_id,
        target=_target(request, None),
        status=FORBIDDEN,
    )
    with found.get(Database).writing() as db:
        found.get(AuditTrail).append(db, event)  # type: ignore[type-abstract]


def _target(request: Request, result: object) -> str:
    """The ids in the path, or that of what was made."""
    ids = [str(value) for value in request.path_params.values()]
    body = result.body if isinstance(result, Answered) else result
    if not ids:
        parts = body if isinstance(body, list | tuple) else [body]
        ids = [made for made in map(_id_of, parts) if made]
    return ", ".join(ids)[:_MOST_CHARACTERS]


def _id_of(body: object) -> str:
    if isinstance(body, BaseModel):
        return str(getattr(body, "id", None) or "")
    if isinstance(body, dict):
        return str(body.get("id") or "")
    return body if isinstance(body, str) and _UUID.match(body) else ""
