"""The implemented operations, and whether an answer is what the contract says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from httpx2 import Response

from kyanite.contract.operation import Operation
from kyanite.http.routes import ContractRoute
from kyanite.server.routes import all_routes

CONTRACT = Path(__file__).resolve().parents[2] / "contract" / "openapi-v8.1.json"
FILE = "application/octet-stream"
# What any request may meet, declared or not (docs/behaviour/api-conventions.md §10).
ALWAYS_POSSIBLE = frozenset({400, 404, 405, 415, 424})


@cache
def document() -> dict[str, Any]:
    """The contract document."""
    loaded: dict[str, Any] = json.loads(CONTRACT.read_text())
    return loaded


@cache
def routes() -> Mapping[str, ContractRoute]:
    """Operation id → route, of everything that is implemented."""
    return {
        route.operation.operation_id: route
        for tag in all_routes()
        for route in tag.routes
        if not route.is_own
    }


def declared(operation: Operation) -> dict[str, Any]:
    """The operation as the contract document has it."""
    found: dict[str, Any] = document()["paths"][operation.path][operation.method.lower()]
    return found


def assert_conforms(operation: Operation, response: Response) -> None:
    """Status, media type and body are what the contract declares."""
    status, answers = response.status_code, declared(operation)["responses"]
    what = f"{operation.operation_id} answered {status}: {response.text[:500]}"
    assert status < 500 or status == 503, what
    answer = answers.get(str(status))
    if answer is None:
        assert status in ALWAYS_POSSIBLE, f"not declared: {what}"
        assert response.headers["content-type"] == "application/problem+json", what
        return
    content = answer.get("content") or {}
    if not content:
        assert response.content == b"", what
        return
    media_type, spec = next(iter(content.items()))
    assert response.headers["content-type"].partition(";")[0] == media_type, what
    if media_type == FILE:
        return
    wrong = [
        error.message
        for error in _validator(json.dumps(spec["schema"])).iter_errors(response.json())
    ]
    assert not wrong, f"{wrong[:3]} in {what}"


@cache
def _validator(schema_text: str) -> Any:
    schema = _nullable_as_type(json.loads(schema_text))
    components = _nullable_as_type(document()["components"])
    return jsonschema_rs.validator_for({**schema, "components": components})


def _nullable_as_type(node: Any) -> Any:
    """OpenAPI 3.0 `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [_nullable_as_type(one) for one in node]
    if not isinstance(node, dict):
        return node
    walked = {
        name: _nullable_as_type(one)
        for name, one in node.items()
        if name not in ("nullable", "format", "readOnly")
    }
    if node.get("nullable"):
        return {"anyOf": [walked, {"type": "null"}]}
    return walked
