"""Finding the operation of a request among several hundred.

Starlette tries one route after the other. This one route stands for all of them: it looks only
at those that share the first path segment below the version, which are a handful.
Literal segments win over parameters, whatever the order of registration.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Final
from urllib.parse import quote, unquote

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

from kyanite.contract.operations.index import METHODS
from kyanite.http.routes import ContractRoute

_FOUND = "kyanite.route"


# A slash that came percent-encoded is part of a name, such as the ARM id of a network. While
# routes are looked at, this character of nobody's stands for it.
_INNER_SLASH: Final = "\ue02f"


def _path_of(scope: Scope) -> str:
    """The path, without a slash at its end, in which encoded slashes separate nothing."""
    path = str(scope["path"]).rstrip("/") or "/"
    raw = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        return path
    text = re.sub("%2f", quote(_INNER_SLASH), raw.decode("ascii", "replace"), flags=re.IGNORECASE)
    # The version in front may have been replaced on the way; what follows it has not.
    kept = [*path.split("/")[:3], *unquote(text).split("/")[3:]]
    return "/".join(kept).rstrip("/")


def _shown(value: object) -> object:
    return value.replace(_INNER_SLASH, "/") if isinstance(value, str) else value


def _segment(path: str) -> str:
    """The segment that routes are indexed by: `users` of `/api/v8.1/users/4711`."""
    parts = path.lower().split("/")
    return parts[3] if len(parts) > 3 else ""


class SegmentIndex(BaseRoute):
    """All operations of the contract that exist, as one route."""

    def __init__(self, routes: Iterable[ContractRoute]) -> None:
        self.routes = list(routes)
        self._by_segment: dict[str, list[ContractRoute]] = defaultdict(list)
        for route in sorted(self.routes, key=lambda one: one.path.count("{")):
            self._by_segment[_segment(route.path)].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FULL when path and method fit; PARTIAL when the contract has no such method there.

        An operation of the contract that does not exist yet is NONE: it is not found.
        """
        if scope["type"] != "http":
            return Match.NONE, {}
        path = _path_of(scope)
        wanted = {**scope, "path": path, "root_path": ""}
        reached = False
        for route in self._by_segment.get(_segment(path), ()):
            match, child = route.matches(wanted)
            if match is Match.FULL:
                names = {k: _shown(v) for k, v in child["path_params"].items()}
                child["path_params"] = names
                child["kyanite.path"] = route.operation.path.format(**names)
                return Match.FULL, {**child, _FOUND: route}
            if match is Match.PARTIAL:
                reached = True
        allowed = _declared_methods(path) if reached else frozenset()
        if allowed and scope["method"] not in allowed:
            return Match.PARTIAL, {"kyanite.allowed": sorted(allowed)}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = scope.get(_FOUND)
        if isinstance(route, ContractRoute):
            await route.handle(scope, receive, send)
            return
        allowed = ", ".join(scope.get("kyanite.allowed", ()))
        raise HTTPException(405, headers={"Allow": allowed})


@cache
def _templates(segment: str) -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """Patterns of all paths of the contract below a segment, with their methods."""
    return tuple(
        (compile_path(path.lower())[0], methods)
        for path, methods in METHODS.items()
        if _segment(path) == segment
    )


def _declared_methods(path: str) -> frozenset[str]:
    """The methods that the contract has at a path, existing here or not."""
    return frozenset(
        method
        for pattern, methods in _templates(_segment(path))
        if pattern.match(path.lower())
        for method in methods
    )
