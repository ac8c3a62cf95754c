"""Making a virtual network for workers (docs/behaviour/virtual-networks.md, section 12)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess, ServiceAccount, list_accounts
from kyanite.areas.inventory.inventory import Inventory
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.plain_queries import get_resource, resources
from kyanite.areas.inventory.queries import find_subscription, region_offers
from kyanite.areas.inventory.tables import ResourceRow
from kyanite.areas.inventory.values import ResourceFilter
from kyanite.azure import resources as azure_resources
from kyanite.azure.network import virtual_networks
from kyanite.base.azure_names import arm_id, group_id, region_code
from kyanite.base.errors import Conflict, Invalid, NotFound
from kyanite.base.json_types import as_object, as_texts
from kyanite.db.database import Database
from kyanite.rules.address_spaces import (
    LONGEST_PREFIX,
    SHORTEST_PREFIX,
    address_space,
    first_free,
)

WORKER_GROUP: Final = "kyanite-workers"
"""The group for what workers need, unless the account for workers names another."""
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?")


@dataclass(frozen=True)
class NetworkWish:
    """A network that somebody wants."""

    name: str
    region: str
    space: str
    subnet_name: str
    subnet_space: str


@dataclass(frozen=True)
class PlannedNetwork:
    """A network that can be made, as far as the inventory tells."""

    account_id: str
    subscription_id: str
    group: str
    wish: NetworkWish

    @property
    def azure_id(self) -> str:
        """The id it will have."""
        kind = "Microsoft.Network/virtualNetworks"
        return arm_id(self.subscription_id, self.group, kind, self.wish.name)


class NewNetworks:
    """Makes networks with the rights of the service account for workers."""

    def __init__(self, database: Database, access: AzureAccess, inventory: Inventory) -> None:
        self._database = database
        self._access = access
        self._inventory = inventory

    def plan(self, wish: NetworkWish) -> PlannedNetwork:
        """Check the wish. Raises ``Invalid``; ``Conflict`` when the name is taken or when no
        account is meant for workers."""
        _check(wish)
        with self._database.reading() as db:
            return _planned(db, wish)

    def create(self, planned: PlannedNetwork) -> str:
        """Make it and look at it; returns its ARM id. Raises ``Conflict``, ``AzureError``."""
        arm = self._access.arm_client(planned.account_id)
        wish = planned.wish
        region = region_code(wish.region)
        if arm.find(group_id(planned.subscription_id, planned.group)) is None:
            azure_resources.create_group(arm, planned.subscription_id, planned.group, region)
        elif virtual_networks.find(arm, planned.azure_id) is not None:
            raise _taken(planned)
        virtual_networks.create(
            arm, planned.azure_id, region, wish.space, wish.subnet_name, wish.subnet_space
        )
        self._inventory.rescan(
            planned.account_id,
            kinds={Kind.VIRTUAL_NETWORK, Kind.RESOURCE_GROUP},
            subscription_id=planned.subscription_id,
        )
        return planned.azure_id

    def found(self, azure_id: str) -> ResourceRow:
        """The network as the inventory has it now. Raises ``NotFound``."""
        with self._database.reading() as db:
            return get_resource(db, Kind.VIRTUAL_NETWORK, azure_id)


def first_free_space(db: Session, prefix_length: int, subscription_id: str | None) -> str:
    """The first private range of this length that no known network has.

    Raises ``Invalid`` for other lengths than 8 to 29; ``NotFound`` when all are taken, or for a
    subscription that nobody sees.
    """
    if not SHORTEST_PREFIX <= prefix_length <= LONGEST_PREFIX:
        raise Invalid.member(
            "subnetMask", f"Give the length of a prefix, {SHORTEST_PREFIX} to {LONGEST_PREFIX}."
        )
    if subscription_id is not None and find_subscription(db, subscription_id) is None:
        raise NotFound(f"There is no subscription {subscription_id}.")
    wanted = ResourceFilter(subscription_id=subscription_id)
    free = first_free(prefix_length, _spaces(db, wanted))
    if free is None:
        raise NotFound(f"No private range with a prefix of {prefix_length} bits is free.")
    return str(free)


def _spaces(db: Session, wanted: ResourceFilter) -> Sequence[str]:
    rows = db.scalars(resources(Kind.VIRTUAL_NETWORK, wanted))
    return [space for row in rows for space in as_texts(as_object(row.facts).get("addressSpaces"))]


def _planned(db: Session, wish: NetworkWish) -> PlannedNetwork:
    account = _worker_account(db)
    subscription_id = account.worker_subscription_id or next(iter(account.subscription_ids), "")
    region = region_code(wish.region)
    if not region_offers(db, account_id=account.id, subscription_id=subscription_id, region=region):
        raise Invalid.member(
            "region", f"The subscription for workers offers no region {wish.region}."
        )
    group = account.worker_resource_group or WORKER_GROUP
    planned = PlannedNetwork(account.id, subscription_id, group, wish)
    known = resources(
        Kind.VIRTUAL_NETWORK,
        ResourceFilter(subscription_id=subscription_id, resource_group=group),
    ).where(ResourceRow.name_key == wish.name.lower(), ResourceRow.removed_at.is_(None))
    if db.scalar(known) is not None:
        raise _taken(planned)
    return planned


def _worker_account(db: Session) -> ServiceAccount:
    for account in list_accounts(db):
        if account.selected_for_workers:
            return account
    raise Conflict("No service account is selected for workers; select one first.")


def _taken(planned: PlannedNetwork) -> Conflict:
    return Conflict(
        f"There is a virtual network {planned.wish.name} in the resource group {planned.group}."
    )


def _check(wish: NetworkWish) -> None:
    for member, name in (("networkName", wish.name), ("subnetName", wish.subnet_name)):
        if not _NAME.fullmatch(name):
            raise Invalid.member(
                member,
                "The name may hold letters, digits, '.', '_' and '-', at most 64 of them; it "
                "begins with a letter or digit and does not end with '.' or '-'.",
            )
    space, subnet = address_space(wish.space), address_space(wish.subnet_space)
    if space is None:
        raise Invalid.member("networkAddressSpace", "Give a range such as 10.3.0.0/16.")
    if subnet is None:
        raise Invalid.member("subnetAddressSpace", "Give a range such as 10.3.1.0/24.")
    if not subnet.subnet_of(space):
        raise Invalid.member(
            "subnetAddressSpace", "The subnet must lie within the address space of the network."
        )
    for member, range_ in (("networkAddressSpace", space), ("subnetAddressSpace", subnet)):
        if not SHORTEST_PREFIX <= range_.prefixlen <= LONGEST_PREFIX:
            raise Invalid.member(
                member, f"The prefix must have {SHORTEST_PREFIX} to {LONGEST_PREFIX} bits."
            )
