"""Absolute addresses for `_links` (docs/behaviour/api-conventions.md §7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from starlette.requests import Request

from kyanite.base.json_types import JsonValue
from kyanite.http.versions import version_of

_BASE = "kyanite.base_address"
# Nearly all paths; looking is much quicker than quoting, and an answer may have hundreds.
_ALL_SAFE = re.compile(r"[A-Za-z0-9/~._-]*", re.ASCII).fullmatch


def href(request: Request, path: str, query: Mapping[str, object] | None = None) -> str:
    """The address of a path below the version, for example `/users/4711`.

    Scheme, host and version are those the request came in with.
    """
    tail = "?" + urlencode(query) if query else ""
    plain = path if _ALL_SAFE(path) else quote(path, safe="/~")
    return f"{_base(request)}{plain}{tail}"


def _base(request: Request) -> str:
    """What all addresses in one answer begin with; an answer may have hundreds."""
    base = request.scope.get(_BASE)
    if base is None:
        host = request.headers.get("host") or "localhost"
        base = f"{request.url.scheme}://{host}/api/{version_of(request.scope)}"
        request.scope[_BASE] = base
    return str(base)


def own_path(request: Request) -> str:
    """The path of the request below the version, as the contract spells it.

    >>> # GET /api/v8/USERS/ → "/users"
    """
    route = request.scope.get("kyanite.path")
    path = str(route) if route else request.url.path
    return path.removeprefix("/api/v8.1")


def links(request: Request, **relations: str) -> dict[str, JsonValue]:
    """A `_links` object: relation → path below the version."""
    return {relation: {"href": href(request, path)} for relation, path in relations.items()}


def self_link(request: Request, path: str) -> dict[str, JsonValue]:
    """`{"self": {"href": …}}` for the resource at `path`."""
    return links(request, self=path)
