"""Routes of this area, one file per tag."""

from __future__ import annotations

from kyanite.areas.vm.routes import machines, policies, protected, restore_points
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One entry per tag."""
    return [machines.routes, policies.routes, protected.routes, restore_points.routes]
