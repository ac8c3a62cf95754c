"""Versions of the API in the path, and paths in any case.

Operations are registered once, under `/api/v8.1`. Requests with an older version segment are
brought there (docs/behaviour/api-conventions.md §2); which version a request came with is kept,
because `href`s repeat it and because some rules differ.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

CURRENT = "v8.1"
SUPPORTED = (CURRENT, "v8", "v7", "v6")
# Before v8, a filter value that the server did not know matched nothing
# (docs/behaviour/rulings.md).
LENIENT_FILTERS = ("v7", "v6")
_KEY = "kyanite.version"


def version_of(scope: Scope) -> str:
    """The version the request came in with."""
    return str(scope.get(_KEY, CURRENT))


class Versions:
    """ASGI middleware: `/API/V8/users/` → `/api/v8.1/users`, remembering `v8`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            parts = str(scope["path"]).split("/")
            if len(parts) > 2 and parts[1].lower() == "api" and parts[2].lower() in SUPPORTED:
                rest = "/".join(parts[3:])
                scope = dict(scope)
                scope[_KEY] = parts[2].lower()
                scope["path"] = f"/api/{CURRENT}/{rest}"
        await self._app(scope, receive, send)
