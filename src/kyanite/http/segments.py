"""Finding the operation of a request among several hundred.

Starlette tries one route after the other. This one route stands for all of them: it looks only
at those that share the first path segment below the version, which are a handful.
Literal segments win over parameters, whatever the order of registration.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from kyanite.contract.operations.index import METHODS
from kyanite.http.routes import ContractRoute

_FOUND = "kyanite.route"


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
        """FULL when path and method fit, PARTIAL when only the path does."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = get_route_path(scope)
        path = path.rstrip("/") if len(path) > 1 else path
        wanted = {**scope, "path": path, "root_path": ""}
        reached: set[str] = set()
        for route in self._by_segment.get(_segment(path), ()):
            match, child = route.matches(wanted)
            if match is Match.FULL:
                names = child["path_params"]
                child["kyanite.path"] = route.operation.path.format(**names)
                return Match.FULL, {**child, _FOUND: route}
            if match is Match.PARTIAL:
                reached.add(route.path)
        # An operation of the contract that does not exist yet is not found; a method that the
        # contract does not have there is not allowed.
        declared = {method for found in reached for method in METHODS[found]}
        if declared and scope["method"] not in declared:
            return Match.PARTIAL, {"kyanite.allowed": sorted(declared)}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = scope.get(_FOUND)
        if isinstance(route, ContractRoute):
            await route.handle(scope, receive, send)
            return
        allowed = ", ".join(scope.get("kyanite.allowed", ()))
        raise HTTPException(405, headers={"Allow": allowed})
