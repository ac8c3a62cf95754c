"""The application: all routes of all areas behind one index, with the toolkit around them.

It has two documents: that of the contract, and that of our own additions beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from kyanite.http import problems
from kyanite.http.provide import Provisions
from kyanite.http.routes import ContractRoute, Routes
from kyanite.http.segments import SegmentIndex
from kyanite.http.timing import RequestTimes, Timing
from kyanite.http.versions import CURRENT, Versions
from kyanite.server.documents import document_of
from kyanite.server.metrics import scrape
from kyanite.server.routes import all_routes


class Application(Starlette):
    """The API. Its OpenAPI documents are built when somebody asks for them."""

    def __init__(self, routes: Iterable[ContractRoute]) -> None:
        everything = list(routes)
        super().__init__(
            routes=[SegmentIndex(everything), Route("/metrics", scrape, methods=["GET"])]
        )
        self.router.redirect_slashes = False
        self._own_routes = [route for route in everything if route.is_own]
        self._contract_routes = [route for route in everything if not route.is_own]
        self._documents: dict[str, dict[str, Any]] = {}

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of everything that is served under the contract."""
        return self._document("Kyanite", CURRENT, self._contract_routes)

    def own_openapi(self) -> dict[str, Any]:
        """The OpenAPI document of what is served beside the contract."""
        return self._document("Kyanite additions", "v1", self._own_routes)

    def _document(
        self, title: str, version: str, routes: Sequence[ContractRoute]
    ) -> dict[str, Any]:
        if title not in self._documents:
            self._documents[title] = document_of(title, version, routes)
        return self._documents[title]


def build(provisions: Provisions, routers: Iterable[Routes] | None = None) -> Application:
    """The application over what wiring provides; `routers` None: all there are."""
    collected = all_routes() if routers is None else routers
    app = Application(route for router in collected for route in router.routes)
    app.state.provisions = provisions
    problems.install(app)
    # The last one added is the outermost.
    app.state.request_times = RequestTimes()
    app.add_middleware(Timing, times=app.state.request_times)
    app.add_middleware(Versions)
    return app
