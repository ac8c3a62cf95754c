"""The OpenAPI documents that code generators read: the contract's operations, and our additions.

FastAPI describes what it would do by itself; what this API does otherwise is put right here, so
that nobody has to patch a document before generating a client from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi

from kyanite.http.routes import ContractRoute

LICENSE: Final = {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"}
SCHEME: Final = "Bearer"
# FastAPI would answer 422; we answer 400 (docs/behaviour/api-conventions.md §10).
_NEVER_ANSWERED: Final = "422"
_ITS_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")
_PROBLEM: Final = "application/problem+json"


def document_of(title: str, version: str, routes: Sequence[ContractRoute]) -> dict[str, Any]:
    """What `routes` take and answer, who must be signed in, and how."""
    document = get_openapi(
        title=title,
        version=version,
        routes=routes,
        separate_input_output_schemas=False,
        servers=[{"url": "/", "description": "this appliance"}],
        license_info=LICENSE,
        tags=[{"name": tag} for tag in sorted({route.operation.tag for route in routes})],
    )
    for route in routes:
        described = document["paths"][route.path_format][route.operation.method.lower()]
        described["security"] = [] if route.right is None else [{SCHEME: []}]
        _as_we_answer(described["responses"])
        _as_left_out(described.get("requestBody", {}))
    components = document.setdefault("components", {})
    components["securitySchemes"] = {SCHEME: {"type": "http", "scheme": "bearer"}}
    for name in _ITS_SCHEMAS:
        components.get("schemas", {}).pop(name, None)
    return document


def _as_we_answer(responses: dict[str, Any]) -> None:
    """Errors are problem documents, and none of them is FastAPI's own."""
    responses.pop(_NEVER_ANSWERED, None)
    for status, response in responses.items():
        if status >= "400" and "content" in response:
            (content,) = response["content"].values()
            response["content"] = {_PROBLEM: content}


def _as_left_out(body: dict[str, Any]) -> None:
    """A body that may be left out need not be null as well; generators stumble over it."""
    if body.get("required", False):
        return
    for content in body.get("content", {}).values():
        options = content["schema"].get("anyOf", [])
        wanted = [one for one in options if one != {"type": "null"}]
        if len(wanted) == 1 and len(options) == 2:
            content["schema"] = wanted[0]
