"""The routes of the area."""

from kyanite.areas.inventory.routes import (
    regions,
    resource_groups,
    storage_accounts,
    storage_contents,
    subscriptions,
)
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One per tag; storage accounts have two files, one for what lies in them."""
    return [
        subscriptions.routes,
        regions.routes,
        resource_groups.routes,
        storage_accounts.routes,
        storage_contents.routes,
    ]
