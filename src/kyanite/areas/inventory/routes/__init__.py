"""The routes of the area."""

from kyanite.areas.inventory.routes import (
    availability,
    key_vaults,
    machine_sizes,
    regions,
    resource_groups,
    security_groups,
    sql_pools,
    sql_servers,
    storage_accounts,
    storage_contents,
    subscriptions,
    tags,
    tenants,
    virtual_networks,
)
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One per tag, or nearly: the list of a subject is told by its file."""
    return [
        tenants.routes,
        subscriptions.routes,
        regions.routes,
        resource_groups.routes,
        tags.routes,
        storage_accounts.routes,
        storage_contents.routes,
        key_vaults.routes,
        virtual_networks.routes,
        security_groups.routes,
        availability.routes,
        machine_sizes.routes,
        sql_servers.routes,
        sql_pools.routes,
    ]
