"""Reading what one account sees in Azure, and bringing it into the form of rows.

No database here. A kind that the account may not read is left out: what is known of it from
before stays. Lists are read side by side, and only a few ahead of whoever writes them down, so
that a large tenant needs no more memory than a small one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

from kyanite.areas.inventory.kinds import PLAIN_KINDS, Kind
from kyanite.areas.inventory.machine_mapping import (
    Surroundings,
    address_facts,
    by_id,
    disk_facts,
    interface_facts,
    machine_row,
    power_state_of,
)
from kyanite.areas.inventory.plain_lists import PLAIN_LISTS
from kyanite.areas.inventory.plain_mapping import plain_row
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
from kyanite.base.errors import AzureError, Denied, Invalid, Rejected
from kyanite.base.json_types import JsonObject, as_text_map

_log = logging.getLogger(__name__)

_PARALLEL_READS: Final = 8  # ARM allows thousands of reads an hour
_READ_AHEAD: Final = 4  # lists that wait to be written down, besides those being read
_NOT_REGISTERED: Final = "missingsubscriptionregistration"

Row: TypeAlias = Mapping[str, object]
Tag: TypeAlias = tuple[str, str]
_Facts = TypeVar("_Facts")
EVERY_RESOURCE: Final = frozenset(Kind) - {Kind.SUBSCRIPTION}


@dataclass(frozen=True)
class Found:
    """All resources of one kind in one subscription."""

    subscription_id: str
    kind: Kind
    rows: Sequence[Row]
    tags: frozenset[Tag] = frozenset()
    """Names and values of the tags on them."""


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
    """What is in the subscriptions, kind by kind.

    A list that fails keeps none of the others from being read; at the end the first
    ``AzureError`` other than ``Denied`` is raised.
    """
    wanted = iter(
        [
            (subscription_id, kind)
            for subscription_id in subscription_ids
            for kind in Kind
            if kind in kinds and kind is not Kind.SUBSCRIPTION
        ]
    )
    failures: list[AzureError] = []
    pending: deque[Future[Found | None]] = deque()
    with ThreadPoolExecutor(_PARALLEL_READS, "inventory") as pool:
        while True:
            while len(pending) < _PARALLEL_READS + _READ_AHEAD:
                following = next(wanted, None)
                if following is None:
                    break
                pending.append(pool.submit(_read, arm, *following))
            if not pending:
                break
            try:
                found = pending.popleft().result()
            except AzureError as error:
                failures.append(error)
                continue
            if found is not None:
                yield found
                del found  # its rows are written; they must not wait for the next list
    if failures:
        raise failures[0]


def _read(arm: ArmClient, subscription_id: str, kind: Kind) -> Found | None:
    listed = _Listed()
    try:
        if kind in PLAIN_KINDS:
            for raw in PLAIN_LISTS[kind](arm, subscription_id):
                listed.add(raw, lambda one: plain_row(kind, one))
        else:
            _READERS[kind](arm, subscription_id, listed)
    except Denied as error:
        _log.info("inventory: %s of %s not readable: %s", kind, subscription_id, error)
        return None
    except Rejected as error:
        if (error.code or "").lower() != _NOT_REGISTERED:
            raise
        # Nothing of a service can exist where the service has never been switched on.
    return Found(subscription_id, kind, listed.rows, frozenset(listed.tags))


class _Listed:
    """The rows made of one list, and the tags seen on the way."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.tags: set[Tag] = set()

    def add(self, raw: JsonObject, to_row: Callable[[JsonObject], Row]) -> None:
        """One more resource; one that makes no sense is left out and named in the log."""
        try:
            self.rows.append(to_row(raw))
        except Invalid as error:
            _log.warning("inventory: a resource was left out: %s", error)
        else:
            self.tags.update(as_text_map(raw.get("tags")).items())


def _regions(arm: ArmClient, subscription_id: str, listed: _Listed) -> None:
    listed.rows += region_rows(
        resources.locations(arm, subscription_id),
        _if_allowed(resources.providers, arm, subscription_id),
        subscription_id,
    )


def _resource_groups(arm: ArmClient, subscription_id: str, listed: _Listed) -> None:
    for raw in resources.resource_groups(arm, subscription_id):
        listed.add(raw, lambda one: resource_group_row(one, subscription_id))


def _storage_accounts(arm: ArmClient, subscription_id: str, listed: _Listed) -> None:
    for raw in storage_accounts.list_accounts(arm, subscription_id):
        listed.add(raw, storage_account_row)


def _machines(arm: ArmClient, subscription_id: str, listed: _Listed) -> None:
    found = machines.list_machines(arm, subscription_id)
    first = next(found, None)
    if first is None:
        return

    def beside(
        lister: Callable[[ArmClient, str], Iterable[JsonObject]],
        facts: Callable[[JsonObject], _Facts],
    ) -> dict[str, _Facts]:
        try:
            return by_id(lister(arm, subscription_id), facts)
        except Denied:
            return {}

    around = Surroundings(
        disks=beside(disks.list_disks, disk_facts),
        interfaces=beside(interfaces.list_interfaces, interface_facts),
        public_addresses=beside(public_addresses.list_public_addresses, address_facts),
        power_states=beside(machines.statuses, power_state_of),
    )
    for raw in chain([first], found):
        listed.add(raw, lambda one: machine_row(one, around))


def _if_allowed(
    reader: Callable[[ArmClient, str], Iterable[JsonObject]], arm: ArmClient, subscription_id: str
) -> list[JsonObject] | None:
    """What ``reader`` lists; ``None`` when the account may not read it."""
    try:
        return list(reader(arm, subscription_id))
    except Denied:
        return None


_READERS: Final[Mapping[Kind, Callable[[ArmClient, str, _Listed], None]]] = MappingProxyType(
    {
        Kind.REGION: _regions,
        Kind.RESOURCE_GROUP: _resource_groups,
        Kind.STORAGE_ACCOUNT: _storage_accounts,
        Kind.MACHINE: _machines,
    }
)
