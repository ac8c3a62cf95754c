"""The OpenAPI documents, served beside our own additions."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request

from kyanite.contract.models import shared
from kyanite.contract.operation import Answer, Operation
from kyanite.http.rights import Right
from kyanite.http.routes import OWN_PREFIX, Routes

routes = Routes()


def _serving(operation_id: str, name: str) -> Operation:
    return Operation(
        operation_id=operation_id,
        method="GET",
        path=f"{OWN_PREFIX}{name}",
        tag="Additions",
        answers=(
            Answer(200, "application/json", dict[str, Any]),
            Answer(401, "application/problem+json", shared.ProblemDetails401),
        ),
    )


ADDITIONS: Final = _serving("Additions_GetDocument", "openapi.json")
CONTRACT: Final = _serving("Additions_GetContractDocument", "openapi-v8.1.json")


@routes.own(ADDITIONS, Right.ANY)
def additions(request: Request) -> dict[str, Any]:
    """What is served below /api/kyanite/v1, for code generators."""
    found: dict[str, Any] = request.app.own_openapi()
    return found


@routes.own(CONTRACT, Right.ANY)
def contract(request: Request) -> dict[str, Any]:
    """What is served below /api/v8.1, for code generators; `kyanite openapi` prints the same."""
    found: dict[str, Any] = request.app.openapi()
    return found
