"""The application: all routes of all areas behind one index, with the toolkit around them.

It has two documents: that of the contract, and that of our own additions beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

from kyanite.http import problems
from kyanite.http.provide import Provisions
from kyanite.http.routes import ContractRoute, Routes
from kyanite.http.segments import SegmentIndex
from kyanite.http.timing import RequestTimes, Timing
from kyanite.http.versions import Versions
from kyanite.server.documents import document_of
from kyanite.server.metrics import scrape
from kyanite.server.routes import all_routes


class Application(FastAPI):
    """The API. Its OpenAPI document is built when somebody asks for it."""

    contract_routes: list[ContractRoute]
    own_routes: list[ContractRoute]
    own_schema: dict[str, Any] | None = None

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of everything that is served under the contract."""
        if self.openapi_schema is None:
            self.openapi_schema = document_of(self.title, self.version, self.contract_routes)
        return self.openapi_schema

    def own_openapi(self) -> dict[str, Any]:
        """The OpenAPI document of what is served beside the contract."""
        if self.own_schema is None:
            self.own_schema = document_of("Kyanite additions", "v1", self.own_routes)
        return self.own_schema


def build(provisions: Provisions, routers: Iterable[Routes] | None = None) -> Application:
    """The application over what wiring provides; `routers` None: all there are."""
    app = Application(
        title="Kyanite",
        version="v8.1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    collected = all_routes() if routers is None else routers
    everything = [route for router in collected for route in router.routes]
    app.own_routes = [route for route in everything if route.is_own]
    app.contract_routes = [route for route in everything if not route.is_own]
    app.router.routes.append(SegmentIndex(everything))
    app.router.routes.append(Route("/metrics", scrape, methods=["GET"]))
    app.state.provisions = provisions
    problems.install(app)
    # The last one added is the outermost.
    app.state.request_times = RequestTimes()
    app.add_middleware(Timing, times=app.state.request_times)
    app.add_middleware(Versions)
    return app
