"""All routes there are: one line per area."""

from __future__ import annotations

from importlib import import_module

from kyanite.http.routes import Routes

# Areas that serve operations of the contract. Each has `routes.routers()`.
AREAS = (
    "access",
    "accounts",
    "appliance",
    "inventory",
    "repositories",
    "sessions",
    "vm",
)


def all_routes() -> list[Routes]:
    """The routes of every area, tag by tag."""
    return [
        routes
        for area in AREAS
        for routes in import_module(f"kyanite.areas.{area}.routes").routers()
    ]
