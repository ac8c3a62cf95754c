"""Example routes that say back what reached them, behind the real toolkit."""

from __future__ import annotations

import threading
from typing import Annotated
from uuid import UUID

from fastapi import Body, Query, Request

from kyanite.areas.access import users
from kyanite.areas.access.passwords import Passwords
from kyanite.base.clock import Clock
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.job_sessions import GetJobSessionsQuery
from kyanite.contract.models.policy import GetPoliciesQuery, NewPolicyFromClient
from kyanite.http.answers import Answered
from kyanite.http.operations import Operations
from kyanite.http.pages import Paging, page, page_of_all
from kyanite.http.provide import Provided
from kyanite.http.rights import Role
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession
from support.api import PASSWORD


class Seen:
    """What the example routes were called with, and what they are told to do."""

    def __init__(self) -> None:
        self.query: object = None
        self.body: object = None
        self.error: Exception | None = None
        self.after_writing: Exception | None = None
        self.items: list[JsonObject] = []
        self.may_end = threading.Event()


def example_routes(seen: Seen) -> Routes:
    routes = Routes()

    @routes.operation("Policy_GetPolicies")
    def policies(query: Annotated[GetPoliciesQuery, Query()], request: Request) -> JsonObject:
        seen.query = query
        if seen.error:
            raise seen.error
        return page_of_all(request, query, seen.items)

    @routes.operation("JobSessions_GetJobSessions")
    def sessions(query: Annotated[GetJobSessionsQuery, Query()], request: Request) -> JsonObject:
        seen.query = query
        return page(request, query, 0, Paging.of(query).cut(seen.items))

    @routes.operation("Policy_CreatePolicy")
    def create(
        body: NewPolicyFromClient,
        db: DbSession,
        passwords: Annotated[Passwords, Provided(Passwords)],
        clock: Annotated[Clock, Provided(Clock)],
    ) -> JsonObject:
        seen.body = body
        new = users.NewUser(body.name, Role.READ_ONLY_USER, PASSWORD)
        users.create(db, new, passwords, clock)
        if seen.after_writing:
            raise seen.after_writing
        return {"id": "x", "serviceAccountId": str(body.service_account_id), "tenantId": None}

    @routes.operation("Policy_DeletePolicy")
    def delete(policyId: UUID) -> None:  # noqa: N803
        seen.body = policyId
        if seen.error:
            raise seen.error

    @routes.operation("Policy_GetPolicyProtectedItems")
    def items_of_policy(policyId: UUID) -> JsonObject:  # noqa: N803
        return {"called": "one", "id": str(policyId)}

    @routes.operation("Policy_GetProtectedItems")
    def items() -> JsonObject:
        return {"called": "all"}

    @routes.operation("User_GetUser")
    def user(id: str) -> JsonObject:
        return {"id": id, "role": "PortalAdmin"}

    @routes.operation("Repository_PasswordIsCorrect")
    def check_password(
        repositoryId: UUID,  # noqa: N803
        body: Annotated[str, Body()],
        request: Request,
        principal: SignedIn,
        operations: Annotated[Operations, Provided(Operations)],
    ) -> Answered:
        def work(_db: object) -> object:
            seen.may_end.wait(20)
            if seen.error:
                raise seen.error
            return body == "right"

        return operations.answer(request, principal, work)

    return routes
