"""Tag Configuration: check everything that was entered; take repositories over."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Response

from kyanite.areas.configuration.check import ConfigurationCheck, last_report
from kyanite.areas.configuration.wire import check_log, check_page
from kyanite.areas.repositories.taking_over import RepositoryTakeOver
from kyanite.areas.sessions import session_wire
from kyanite.base.errors import NotFound
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.configuration import (
    ConfigurationCheckRequest,
    ConfigurationOverrideOwnershipRequest,
)
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()


@routes.operation("ConfigurationCheck")
def start_check(
    check: Annotated[ConfigurationCheck, Provided(ConfigurationCheck)],
    body: ConfigurationCheckRequest | None = None,
) -> None:
    """Begin a check; ask for its session to learn what it found."""
    check.start([one.value for one in (body.check_type if body else None) or ()])


@routes.operation("ConfigurationCheckSession")
def check_session(db: DbSession, request: Request) -> JsonObject | Response:
    """What the running or last check has found; a page for people if they ask for HTML."""
    report = last_report(db)
    if report is None:
        raise NotFound("The configuration was never checked.")
    if "text/html" in request.headers.get("accept", "").lower():
        headers = {"Cache-Control": "no-store"}
        return Response(check_page(report), headers=headers, media_type="text/html")
    return check_log(request, db, report)


@routes.operation("ConfigurationOverrideOwnership")
def override_ownership(
    body: ConfigurationOverrideOwnershipRequest,
    db: DbSession,
    taking_over: Annotated[RepositoryTakeOver, Provided(RepositoryTakeOver)],
    principal: SignedIn,
    request: Request,
) -> list[JsonObject]:
    """Make this appliance the owner of repositories that belong to another one."""
    ids = [str(one) for one in body.repository_ids or ()]
    return [
        session_wire(db, request, session_id)
        for session_id in taking_over.start(db, ids, principal.username)
    ]
