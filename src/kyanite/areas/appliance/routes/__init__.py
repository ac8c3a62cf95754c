"""Routes of this area, one file per tag."""

from __future__ import annotations

from kyanite.areas.appliance.routes import (
    certificates,
    license_agreement,
    retention_settings,
    system,
)
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One entry per tag."""
    return [
        system.routes,
        certificates.routes,
        retention_settings.routes,
        license_agreement.routes,
    ]
