"""The routes of the area."""

from kyanite.areas.accounts.routes import (
    own,
    people,
    permissions,
    service_accounts,
    standard_accounts,
)
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One per subject."""
    return [
        service_accounts.routes,
        permissions.routes,
        people.routes,
        own.routes,
        standard_accounts.routes,
    ]
