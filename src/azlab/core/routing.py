"""Which handler answers a request: by method, path and, for storage, by query and header."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from azlab.core.http import Request, Response

Handler: TypeAlias = Callable[..., Response]
ErrorRenderer: TypeAlias = Callable[[Request, int, str, str], Response]
"""(request, status, code, message) -> the answer in the style of the service."""

_PARAMETER = re.compile(r"\{(\w+)(\*?)\}")


@dataclass(frozen=True)
class Route:
    """One thing the lab can do, as COVERAGE.md lists it."""

    service: str
    method: str
    template: str
    handler: Handler
    operation: str
    query: Mapping[str, str] = field(default_factory=dict)
    header: str = ""
    api_versions: tuple[str, ...] = ()
    note: str = ""
    pattern: re.Pattern[str] = field(default=re.compile(""), repr=False)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Sorts the more exact route first."""
        names = _PARAMETER.findall(self.template)
        tails = sum(1 for _, star in names if star)
        return (tails, len(names), -len(self.template), -len(self.query) - bool(self.header))


@dataclass(frozen=True)
class Match:
    """The route that answers, and what its template's parameters stand for."""

    route: Route
    params: dict[str, str]


class Router:
    """The routes behind one port.

    `discriminators` are query arguments that tell operations on one path apart (`comp`,
    `restype`): a route answers only when each has the value that the route names, and none
    that it does not name. `header` asks for the presence of a header, and wins over a route
    that does not ask.
    """

    def __init__(
        self,
        service: str,
        render_error: ErrorRenderer,
        *,
        ignore_case: bool = False,
        discriminators: tuple[str, ...] = (),
        max_body_bytes: int = 8 << 20,
    ) -> None:
        self.service = service
        self.render_error = render_error
        self.max_body_bytes = max_body_bytes
        self._ignore_case = ignore_case
        self._discriminators = discriminators
        self._routes: list[Route] = []
        self._fixed: dict[tuple[str, int], list[Route]] = {}
        self._open: dict[str, list[Route]] = {}

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes, in the order of their registration."""
        return tuple(self._routes)

    def add(
        self,
        method: str,
        template: str,
        handler: Handler,
        *,
        operation: str,
        service: str = "",
        query: Mapping[str, str] | None = None,
        header: str = "",
        api_versions: tuple[str, ...] = (),
        note: str = "",
    ) -> None:
        """Register `handler(request, **params)`.

        `{name}` stands for one segment, `{name*}` for one or more.
        `service` and `operation` are the names in the stats; `note` says in COVERAGE.md what is
        not as in Azure.
        """
        flags = re.IGNORECASE if self._ignore_case else 0
        route = Route(
            service or self.service,
            method,
            template,
            handler,
            operation,
            dict(query or {}),
            header,
            api_versions,
            note,
            re.compile(_expression(template), flags | re.DOTALL),
        )
        if unknown := set(route.query) - set(self._discriminators):
            raise ValueError(f"{template}: {unknown} are no discriminators of {self.service}")
        self._routes.append(route)
        if "*}" in template:
            bucket = self._open.setdefault(method, [])
        else:
            bucket = self._fixed.setdefault((method, template.count("/")), [])
        bucket.append(route)
        bucket.sort(key=lambda one: one.rank)

    def find(self, request: Request) -> Match | None:
        """The route that answers, or None."""
        return self._find(request, request.method)

    def methods_at(self, request: Request) -> list[str]:
        """The methods that would have found a route: what a 405 names."""
        methods = {method for method, _ in self._fixed} | set(self._open)
        return sorted(method for method in methods if self._find(request, method) is not None)

    def _find(self, request: Request, method: str) -> Match | None:
        path = request.path
        if self._ignore_case and len(path) > 1:
            path = path.rstrip("/")
        named = {
            name: request.query[name] for name in self._discriminators if name in request.query
        }
        for bucket in (self._fixed.get((method, path.count("/"))), self._open.get(method)):
            best: Match | None = None
            for route in bucket or ():
                if route.query != named or (route.header and route.header not in request.headers):
                    continue
                if best is not None and (
                    not route.header or best.route.header or route.template != best.route.template
                ):
                    continue
                if found := route.pattern.fullmatch(path):
                    best = Match(route, found.groupdict())
            if best is not None:
                return best
        return None


def _expression(template: str) -> str:
    parts: list[str] = []
    end = 0
    for found in _PARAMETER.finditer(template):
        parts.append(re.escape(template[end : found.start()]))
        parts.append(f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})")
        end = found.end()
    parts.append(re.escape(template[end:]))
    return "".join(parts)
