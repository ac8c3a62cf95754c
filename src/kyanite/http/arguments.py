"""What a route function is called with, worked out once, when the route is made.

A parameter is the request, a parameter of the path, the generated model of the query or of the
body, or comes from what `Depends` names. FastAPI describes the same annotations in the OpenAPI
document; it could also fill them in, but takes ten times as long for what no route here needs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from fastapi import params
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

MISSING: Final = object()
"""The body of a request that has none."""


@dataclass(frozen=True)
class Call:
    """What a request has to give. `errors` grows by what is wrong with it."""

    request: Request
    query: Mapping[str, object] = field(default_factory=dict)
    body: object = MISSING
    errors: list[Any] = field(default_factory=list)


Getter = Callable[[Call], object]


class Arguments:
    """The parameters of a function, and where their values come from."""

    def __init__(self, function: Callable[..., object], path_names: Collection[str] = ()) -> None:
        """TypeError for a parameter that nothing can be given for."""
        self.dependencies: set[Callable[..., object]] = set()
        hints = _hints(function)
        self._getters: list[tuple[str, Getter]] = [
            (one.name, self._getter(one, hints[one.name], path_names))
            for one in inspect.signature(function).parameters.values()
        ]

    def of(self, call: Call) -> dict[str, object]:
        """The arguments by name. RequestValidationError says everything that is wrong."""
        values = {name: get(call) for name, get in self._getters}
        if call.errors:
            raise RequestValidationError(call.errors)
        return values

    def _getter(
        self, parameter: inspect.Parameter, hint: Any, path_names: Collection[str]
    ) -> Getter:
        if hint is Request:
            return _request
        name = parameter.name
        kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        for note in notes:
            if isinstance(note, params.Depends) and note.dependency is not None:
                return self._dependency(note.dependency)
            if isinstance(note, params.Query):
                return _query(TypeAdapter(kind))
        if name in path_names:
            return _from_path(name, TypeAdapter(kind))
        if name == "body":
            is_form = any(isinstance(note, params.Form) for note in notes)
            default = {} if is_form else parameter.default
            return _body(TypeAdapter(kind), default, must_be_sent=default is inspect._empty)
        raise TypeError(f"nothing can be given for the parameter {parameter}")

    def _dependency(self, function: Callable[..., object]) -> Getter:
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function} runs on a thread and must be a plain function")
        inner = Arguments(function)
        self.dependencies |= {function, *inner.dependencies}
        return lambda call: function(**inner.of(call))


def _hints(function: Callable[..., object]) -> dict[str, Any]:
    """The annotations of the parameters; what is returned may have a name for type checkers."""
    function = inspect.unwrap(function)
    given = {k: v for k, v in function.__annotations__.items() if k != "return"}
    holder: Any = SimpleNamespace(__annotations__=given)
    return get_type_hints(holder, function.__globals__, include_extras=True)


def _request(call: Call) -> object:
    return call.request


def _validated(call: Call, adapter: TypeAdapter[Any], value: object, *where: str) -> object:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        call.errors.extend(
            {**one, "loc": (*where, *one["loc"])} for one in error.errors(include_url=False)
        )
        return None


def _from_path(name: str, adapter: TypeAdapter[Any]) -> Getter:
    return lambda call: _validated(call, adapter, call.request.path_params[name], "path", name)


def _query(adapter: TypeAdapter[Any]) -> Getter:
    return lambda call: _validated(call, adapter, call.query, "query")


def _body(adapter: TypeAdapter[Any], default: object, *, must_be_sent: bool) -> Getter:
    def get(call: Call) -> object:
        if call.body is not MISSING:
            return _validated(call, adapter, call.body, "body")
        if must_be_sent:
            call.errors.append({"type": "missing", "loc": ("body",), "msg": "Field required"})
            return None
        return default if default is None else _validated(call, adapter, default, "body")

    return get
