"""How a route file is written.

::

    routes = Routes()

    @routes.operation("Policy_GetPolicies")
    def list_policies(
        query: Annotated[GetPoliciesQuery, Query()], db: DbSession, request: Request
    ) -> JsonObject:
        found = queries.policies(db, ...)
        return page(request, query, found.total, [wire.policy(request, row) for row in found.rows])

    @routes.operation("Policy_CreatePolicy")
    def create_policy(body: NewPolicyFromClient, db: DbSession, principal: SignedIn, ...) -> Policy:

- Method, path, declared statuses and shapes come from the contract by the operation id; the
  function has a parameter for each path parameter (by the contract's name), `query` for the
  generated query model, `body` for the generated body model.
- Which right it needs is looked up in `rules/operation_rights.py`.
- Functions are plain `def`: they run on a thread. They return what `http.answers` says.
- The transaction behind `db` is committed when the function has returned and its answer is
  encoded; if anything raises, nothing is kept. The function never commits.
- What changes something (every method but GET) is in the audit log, in the same transaction
  (`http.audit`).
- Whoever calls is signed in and has the right before anything else is looked at, then the media
  type, then body and query are checked (`http.reading`).
- Own additions to the contract are described by an `Operation` below `/api/kyanite/v1` and
  registered with `@routes.own(operation, Right.X)`; all else is the same.
- `routes/__init__.py` of an area has `routers() -> list[Routes]`; `server/app.py` collects them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kyanite.base.errors import Forbidden, KyaniteError
from kyanite.contract.operation import Operation, find
from kyanite.http.answers import respond
from kyanite.http.arguments import Arguments
from kyanite.http.audit import record_change, record_refusal
from kyanite.http.etags import tagged
from kyanite.http.pages import empty_page
from kyanite.http.problems import on_unforeseen
from kyanite.http.provide import provisions
from kyanite.http.reading import read, read_body
from kyanite.http.rights import Principal, Right
from kyanite.http.sign_in import TokenReader, bearer_token
from kyanite.http.unit_of_work import Work, db_session, working
from kyanite.rules.operation_rights import right_of

AnswerHeaders = Callable[[Session, object], Mapping[str, str]]
"""Headers that belong to what was read for a query model (or None)."""

Function = TypeVar("Function", bound=Callable[..., object])

OWN_PREFIX = "/api/kyanite/v1/"
"""Where our own additions are (docs/behaviour/rulings.md)."""


class ContractRoute(APIRoute):
    """One operation of the contract. `right` None: nobody needs to be signed in."""

    def __init__(
        self,
        operation: Operation,
        right: Right | None,
        function: Callable[..., object],
        headers: AnswerHeaders | None = None,
    ) -> None:
        self.operation = operation
        self.right = right
        self._headers = headers if operation.method == "GET" else None
        self._function = function
        self._arguments = Arguments(function, operation.path_names)
        self._uses_database = db_session in self._arguments.dependencies
        success = operation.success
        responses: dict[int | str, dict[str, Any]] = {}
        for answer in operation.answers:
            if answer is not success:
                content = {"description": _WORDS.get(answer.status, "Answer")}
                responses[answer.status] = (
                    content if answer.type is None else {**content, "model": answer.type}
                )
        binary = success.media_type == "application/octet-stream"
        if binary:
            responses[success.status] = {
                "content": {success.media_type: {"schema": {"type": "string", "format": "binary"}}}
            }
        super().__init__(
            operation.path,
            function,
            methods=[operation.method],
            operation_id=operation.operation_id,
            tags=[operation.tag],
            status_code=success.status,
            response_model=None if binary else success.type,
            response_class=Response if success.type is None or binary else JSONResponse,
            responses=responses,
            response_description=_WORDS.get(success.status, "Success"),
            name=function.__name__,
        )
        # Paths are matched without regard to case (docs/behaviour/rulings.md).
        self.path_regex = re.compile(self.path_regex.pattern, re.IGNORECASE)

    @property
    def is_own(self) -> bool:
        """Whether this is an addition of ours, not an operation of the contract."""
        return self.operation.path.startswith(OWN_PREFIX)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path and method are those of the operation."""
        request = Request(scope, receive, send)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            if self.operation.body is None:
                return await run_in_threadpool(self._answer, request)
            # Nobody's body is read before it is known whether the caller may send one.
            await run_in_threadpool(self._admit_alone, request)
            raw = await read_body(request, self.operation)
            return await run_in_threadpool(self._answer_body, request, raw)
        except Forbidden:
            await run_in_threadpool(record_refusal, self.operation, request)
            raise
        except (KyaniteError, HTTPException, RequestValidationError):
            raise
        except Exception as error:  # the application's last handler
            return await on_unforeseen(request, error)

    def _answer(self, request: Request) -> Response:
        """The whole way from the token to the encoded answer, on one thread."""
        with working(request) as work:
            self._admit(work)
            return self._answer_in(work, b"")

    def _admit_alone(self, request: Request) -> None:
        with working(request) as work:
            self._admit(work)

    def _answer_body(self, request: Request, raw: bytes) -> Response:
        with working(request) as work:
            return self._answer_in(work, raw)

    def _admit(self, work: Work) -> None:
        """Find out who calls. Raises Unauthenticated or Forbidden."""
        if self.right is None:
            return
        request = work.request
        reader, token = provisions(request).get(TokenReader), bearer_token(request)
        with work.reading(go_on=self._uses_database) as db:
            principal = reader.principal(db, token)
        request.state.principal = principal
        _require(principal, self.right, request.path_params)

    def _answer_in(self, work: Work, raw: bytes) -> Response:
        """The function's answer, encoded; what it did is committed after that."""
        call, nothing_matches = read(work.request, self.operation, raw)
        if nothing_matches:
            return respond(self.operation, empty_page(call.request))
        arguments = self._arguments.of(call)
        result = self._function(**arguments)
        response = tagged(self.operation, call.request, respond(self.operation, result))
        if self._headers is not None and self._uses_database and response.status_code < 400:
            response.headers.update(self._headers(work.db, arguments.get("query")))
        record_change(self.operation, work, result, response.status_code)
        work.commit()
        return response


def _require(principal: Principal, right: Right, path_params: Mapping[str, Any]) -> None:
    """Raise Forbidden unless the caller may; the account of somebody else is not the own one."""
    owner = path_params.get("id", principal.user_id)
    if right is Right.OWN_ACCOUNT and owner != principal.user_id:
        right = Right.USERS
    principal.require(right)


_WORDS = {
    200: "Success",
    201: "Created",
    202: "Accepted",
    204: "No content",
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    409: "Conflict",
    415: "Unsupported media type",
    423: "Locked",
    429: "Too many attempts",
}


class Routes:
    """The routes of one tag; ``headers`` for what they read from the database."""

    def __init__(self, headers: AnswerHeaders | None = None) -> None:
        self.routes: list[ContractRoute] = []
        self._headers = headers

    def operation(self, operation_id: str) -> Callable[[Function], Function]:
        """Make the function below answer the operation, for callers with the right."""
        return self._register(find(operation_id), right_of(operation_id))

    def own(self, operation: Operation, right: Right) -> Callable[[Function], Function]:
        """Make the function below answer an operation that the contract does not have."""
        assert operation.path.startswith(OWN_PREFIX), operation.path
        return self._register(operation, right)

    def _register(
        self, operation: Operation, right: Right | None
    ) -> Callable[[Function], Function]:
        def register(function: Function) -> Function:
            self.routes.append(ContractRoute(operation, right, function, self._headers))
            return function

        return register
