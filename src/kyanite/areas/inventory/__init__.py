"""The cloud inventory: what exists over there, as the service accounts see it.

Others ask with the query functions below, which return frozen values, and look again with
``Inventory.rescan``, routes with ``MayRescan``. Storage accounts in use are named in the table of
uses with ``STORAGE_ACCOUNT_USED_KIND``; they stay known after Azure has lost them.
"""

from kyanite.areas.inventory.ages import as_of
from kyanite.areas.inventory.inventory import Inventory
from kyanite.areas.inventory.kinds import STORAGE_ACCOUNT_USED_KIND, Kind
from kyanite.areas.inventory.live import LiveStorage, StorageItem, container_item, holds_repository
from kyanite.areas.inventory.live_vaults import LiveVaults
from kyanite.areas.inventory.look_queries import oldest_look
from kyanite.areas.inventory.machine_queries import (
    find_machine,
    get_machine,
    machine_page,
    machines_query,
)
from kyanite.areas.inventory.networks import NewNetworks
from kyanite.areas.inventory.plain_queries import find_resource, get_resource, resources
from kyanite.areas.inventory.queries import (
    find_region,
    find_resource_group,
    find_storage_account,
    find_subscription,
    list_regions,
    list_resource_groups,
    list_storage_accounts,
    list_subscriptions,
    region_names,
)
from kyanite.areas.inventory.rescans import MayRescan
from kyanite.areas.inventory.sizes import MachineSizes
from kyanite.areas.inventory.sql_connections import SqlConnections
from kyanite.areas.inventory.values import (
    Machine,
    MachineFilter,
    Region,
    ResourceFilter,
    ResourceGroup,
    StorageAccount,
    Subscription,
)
from kyanite.areas.inventory.wire import region as region_wire
from kyanite.areas.inventory.wire import resource_group as resource_group_wire
from kyanite.areas.inventory.wire import subscription as subscription_wire

__all__ = [
    "STORAGE_ACCOUNT_USED_KIND",
    "Inventory",
    "Kind",
    "LiveStorage",
    "LiveVaults",
    "Machine",
    "MachineFilter",
    "MachineSizes",
    "MayRescan",
    "NewNetworks",
    "Region",
    "ResourceFilter",
    "ResourceGroup",
    "SqlConnections",
    "StorageAccount",
    "StorageItem",
    "Subscription",
    "as_of",
    "container_item",
    "find_machine",
    "find_region",
    "find_resource",
    "find_resource_group",
    "find_storage_account",
    "find_subscription",
    "get_machine",
    "get_resource",
    "holds_repository",
    "list_regions",
    "list_resource_groups",
    "list_storage_accounts",
    "list_subscriptions",
    "machine_page",
    "machines_query",
    "oldest_look",
    "region_names",
    "region_wire",
    "resource_group_wire",
    "resources",
    "subscription_wire",
]
