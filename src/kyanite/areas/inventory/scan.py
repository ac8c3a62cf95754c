"""Reading what one account sees in Azure, and bringing it into the form of rows.

No database here. A kind that the account may not read is left out (``None``): what is known
of it from before stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.machine_mapping import Surroundings, by_id, machine_row
from kyanite.areas.inventory.resource_mapping import (
    region_rows,
    resource_group_row,
    storage_account_row,
    subscription_row,
)
from kyanite.azure import resources
from kyanite.azure.arm import ArmClient
from kyanite.azure.blob import accounts as storage_accounts
from kyanite.azure.compute import disks, machines
from kyanite.azure.network import interfaces, public_addresses
from kyanite.base.errors import Denied, Invalid
from kyanite.base.json_types import JsonObject

_log = logging.getLogger(__name__)

_PARALLEL_READS: Final = 8  # lists of one subscription; ARM allows thousands of reads an hour

Row = Mapping[str, object]
EVERY_RESOURCE: Final = frozenset(Kind) - {Kind.SUBSCRIPTION}


@dataclass(frozen=True)
class Found:
    """All resources of one kind in one subscription."""

    subscription_id: str
    kind: Kind
    rows: Sequence[Row]


def subscriptions(
    arm: ArmClient,
    environment: str,
    tenant_id: str,
    tenant_name: str | None,
    chosen: Collection[str],
) -> list[Row]:
    """Rows of the subscriptions in the account's scope (``chosen``; empty: all). Raises
    ``AzureError``."""
    rows = [
        subscription_row(raw, environment, tenant_id, tenant_name)
        for raw in resources.subscriptions(arm)
    ]
    return [row for row in rows if not chosen or row["id"] in chosen]


def scan(
    arm: ArmClient, subscription_ids: Sequence[str], kinds: Collection[Kind] = EVERY_RESOURCE
) -> Iterator[Found]:
    """What is in the subscriptions, kind by kind. Raises ``AzureError`` other than ``Denied``."""
    readers: dict[Kind, Callable[[ArmClient, str], list[Row]]] = {
        Kind.REGION: _regions,
        Kind.RESOURCE_GROUP: _resource_groups,
        Kind.STORAGE_ACCOUNT: _storage_accounts,
        Kind.MACHINE: _machines,
    }

    def read(subscription_id: str, kind: Kind) -> Found | None:
        try:
            return Found(subscription_id, kind, readers[kind](arm, subscription_id))
        except Denied as error:
            _log.info("inventory: %s of %s not readable: %s", kind, subscription_id, error)
            return None

    with ThreadPoolExecutor(_PARALLEL_READS, "inventory") as pool:
        pending = [
            pool.submit(read, subscription_id, kind)
            for subscription_id in subscription_ids
            for kind in readers
            if kind in kinds
        ]
        for future in pending:
            found = future.result()
            if found is not None:
                yield found


def _regions(arm: ArmClient, subscription_id: str) -> list[Row]:
    return list(
        region_rows(
            resources.locations(arm, subscription_id),
            _if_allowed(resources.providers, arm, subscription_id),
            subscription_id,
        )
    )


def _resource_groups(arm: ArmClient, subscription_id: str) -> list[Row]:
    found = resources.resource_groups(arm, subscription_id)
    return [resource_group_row(raw, subscription_id) for raw in found]


def _storage_accounts(arm: ArmClient, subscription_id: str) -> list[Row]:
    return _mapped(storage_account_row, storage_accounts.list_accounts(arm, subscription_id))


def _machines(arm: ArmClient, subscription_id: str) -> list[Row]:
    found = list(machines.list_machines(arm, subscription_id))
    if not found:
        return []
    around = Surroundings(
        disks=by_id(_if_allowed(disks.list_disks, arm, subscription_id) or ()),
        interfaces=by_id(_if_allowed(interfaces.list_interfaces, arm, subscription_id) or ()),
        public_addresses=by_id(
            _if_allowed(public_addresses.list_public_addresses, arm, subscription_id) or ()
        ),
        statuses=by_id(_if_allowed(machines.statuses, arm, subscription_id) or ()),
    )
    return _mapped(lambda raw: machine_row(raw, around), found)


def _if_allowed(
    reader: Callable[[ArmClient, str], Iterable[JsonObject]], arm: ArmClient, subscription_id: str
) -> list[JsonObject] | None:
    """What ``reader`` lists; ``None`` when the account may not read it."""
    try:
        return list(reader(arm, subscription_id))
    except Denied:
        return None


def _mapped(to_row: Callable[[JsonObject], Row], found: Iterable[JsonObject]) -> list[Row]:
    """Rows of all resources; one that makes no sense is left out and named in the log."""
    rows: list[Row] = []
    for raw in found:
        try:
            rows.append(to_row(raw))
        except Invalid as error:
            _log.warning("inventory: a resource was left out: %s", error)
    return rows
