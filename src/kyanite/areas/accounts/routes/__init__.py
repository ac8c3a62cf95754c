"""The routes of the area."""

from kyanite.areas.accounts.routes import service_accounts
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One per tag."""
    return [service_accounts.routes]
