"""AsyncOperation: docs/behaviour/api-conventions.md, section 8.3."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from starlette.requests import Request

from kyanite.base.json_types import JsonObject
from kyanite.http.operations import Operations, operation_wire
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()


@routes.operation("AsyncOperation_GetOperation")
def get_operation(
    operationId: UUID,  # noqa: N803
    operations: Annotated[Operations, Provided(Operations)],
    principal: SignedIn,
    db: DbSession,
    request: Request,
) -> JsonObject:
    return operation_wire(request, operations.get(db, str(operationId), principal))
