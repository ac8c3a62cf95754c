"""Routes of this area."""

from __future__ import annotations

from kyanite.areas.notifications.routes import email
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One entry per tag."""
    return [email.routes]
