"""Routes of this area, one file per tag."""

from __future__ import annotations

from kyanite.areas.configuration.routes import configuration
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One entry per tag."""
    return [configuration.routes]
