"""The OpenAPI document of our own additions, served beside them."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request

from kyanite.contract.models import shared
from kyanite.contract.operation import Answer, Operation
from kyanite.http.rights import Right
from kyanite.http.routes import OWN_PREFIX, Routes

routes = Routes()

DOCUMENT: Final = Operation(
    operation_id="Additions_GetDocument",
    method="GET",
    path=f"{OWN_PREFIX}openapi.json",
    tag="Additions",
    answers=(
        Answer(200, "application/json", dict[str, Any]),
        Answer(401, "application/problem+json", shared.ProblemDetails401),
    ),
)


@routes.own(DOCUMENT, Right.ANY)
def document(request: Request) -> dict[str, Any]:
    """What is served below /api/kyanite/v1, for code generators."""
    found: dict[str, Any] = request.app.own_openapi()
    return found
