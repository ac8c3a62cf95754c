"""The routes of the area, one file per tag."""

from __future__ import annotations

from kyanite.areas.reports.routes import license_uses, overview
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One entry per tag."""
    return [overview.routes, license_uses.routes]
