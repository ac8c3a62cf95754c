"""All routes there are: one line per area."""

from __future__ import annotations

from importlib import import_module

from kyanite.http.routes import Routes
from kyanite.server import own_document

# Areas that serve something. Each has `routes.routers()`.
AREAS = (
    "access",
    "accounts",
    "appliance",
    "audit",
    "configuration",
    "inventory",
    "notifications",
    "reports",
    "repositories",
    "sessions",
    "vm",
)


def all_routes() -> list[Routes]:
    """The routes of every area, tag by tag."""
    return [
        own_document.routes,
        *(
            routes
            for area in AREAS
            for routes in import_module(f"kyanite.areas.{area}.routes").routers()
        ),
    ]
