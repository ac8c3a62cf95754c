"""Routes of this area, one file per tag."""

from __future__ import annotations

from kyanite.areas.access.routes import login, users
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One entry per tag."""
    return [login.routes, users.routes]
