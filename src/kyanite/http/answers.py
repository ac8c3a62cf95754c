"""What route functions give back, made into responses.

A route function returns a wire model, a list of them, a JSON object, None (no body), or an
`Answered` where status or `Location` are not the declared ones. Bodies are encoded by orjson
from there; `null` stands for what has no value, except in members that the contract says are
never null: those are left out (docs/behaviour/api-conventions.md §4.3).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard, get_args, get_origin

import orjson
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from kyanite.contract.operation import Operation
from kyanite.contract.operations.never_null import NEVER_NULL
from kyanite.http.shapes import shape_of

JSON = "application/json; charset=utf-8"
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_PASSTHROUGH_SUBCLASS

# About half a megabyte of text.
RESULTS_AT_ONCE = 500

Pruner = Callable[[Any], Any]


@dataclass(frozen=True)
class Answered:
    """An answer whose status is not the operation's first, or that names where a thing is."""

    status: int
    body: object = None
    location: str | None = None


def wire_time(moment: datetime) -> str:
    """A moment as the API writes it: UTC, microseconds, `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: object) -> object:
    """A model made into a JSON object; anything else untouched."""
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value


@functools.cache
def pruner(annotation: Any) -> Pruner | None:
    """A function that gives a JSON value without the members which may not be null and are.

    What it is given it leaves as it was; where nothing has to go, it gives back that very value.
    None if nothing in a value of that type can be wrong.
    """
    if get_origin(annotation) is list:
        each = pruner(get_args(annotation)[0])
        return None if each is None else functools.partial(_pruned_each, each)
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return None
    module = annotation.__module__.rpartition(".")[2]
    never_null = NEVER_NULL.get(f"{module}.{annotation.__name__}", frozenset())
    below: list[tuple[str, Any, bool]] = []
    for wire_name, shape in shape_of(annotation).members.values():
        inner = shape.item if shape.kind == "list" else shape
        if inner is not None and inner.kind == "model" and inner.model is not None:
            below.append((wire_name, inner.model, shape.kind == "list"))

    def pruned(value: Any) -> Any:
        value = plain(value)
        if not isinstance(value, dict):
            return value
        kept = value
        for name in never_null:
            if name in kept and kept[name] is None:
                kept = {key: one for key, one in kept.items() if key != name}
        for name, model, many in below:
            one = kept.get(name)
            each = pruner(model) if one is not None else None
            if each is not None:
                new = _pruned_each(each, one) if many else each(one)
                if new is not one:
                    kept = {**kept, name: new}
        return kept

    return pruned


def _pruned_each(each: Pruner, values: Any) -> Any:
    if not isinstance(values, list | tuple):
        return values
    pruned = [each(one) for one in values]
    return pruned if any(map(operator.is_not, pruned, values)) else values


def encode(value: object, annotation: object) -> bytes:
    """The JSON text of `value`, which is of the wire type `annotation`."""
    prune = pruner(annotation)
    body = value if prune is None else prune(value)
    return orjson.dumps(body, option=_OPTIONS, default=_encodable)


def _encodable(value: object) -> object:
    """What stands for a value that JSON has no form for."""
    return plain(value) if isinstance(value, BaseModel) else str(value)


def is_large_page(body: object) -> TypeGuard[dict[str, Any]]:
    """Whether a body is a page with more results than should be encoded at once."""
    return isinstance(body, dict) and len(body.get("results") or ()) > RESULTS_AT_ONCE


def encoded_parts(page: dict[str, Any], annotation: object) -> Iterator[bytes]:
    """The JSON text of a page, some results at a time: pages have no upper bound."""
    results = page["results"]
    head = encode({name: value for name, value in page.items() if name != "results"}, None)
    yield head[:-1] + b',"results":['
    for start in range(0, len(results), RESULTS_AT_ONCE):
        part = encode({"results": results[start : start + RESULTS_AT_ONCE]}, annotation)
        yield (b"," if start else b"") + part[len(b'{"results":[') : -len(b"]}")]
    yield b"]}"


def respond(operation: Operation, value: object) -> Response:
    """The response for what a route function of `operation` returned."""
    if isinstance(value, Response):
        return value
    answered = value if isinstance(value, Answered) else Answered(operation.success.status, value)
    # Tokens, and what only some may see: nothing on the way may keep a copy.
    headers = {"Cache-Control": "no-store"}
    if answered.location is not None:
        headers["Location"] = answered.location
    declared = operation.answer(answered.status)
    if answered.body is None and (declared is None or declared.type is None):
        return Response(None, answered.status, headers)
    annotation = declared.type if declared else None
    if is_large_page(answered.body):
        parts = encoded_parts(answered.body, annotation)
        return StreamingResponse(parts, answered.status, headers, JSON)
    return Response(encode(answered.body, annotation), answered.status, headers, JSON)
