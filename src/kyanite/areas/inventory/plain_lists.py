"""What is read in Azure for each kind of which little is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from kyanite.areas.inventory.kinds import Kind
from kyanite.azure import sql, vaults
from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import availability_sets
from kyanite.azure.network import security_groups, virtual_networks
from kyanite.base.errors import Denied, Gone
from kyanite.base.json_types import JsonObject, as_text

Lister: TypeAlias = Callable[[ArmClient, str], Iterable[JsonObject]]


def _sql_servers(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """Logical servers, and managed instances where the account may see them."""
    yield from sql.list_servers(arm, subscription_id)
    try:
        yield from sql.list_managed_instances(arm, subscription_id)
    except Denied:
        return


def _sql_pools(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    for server in sql.list_servers(arm, subscription_id):
        try:
            yield from sql.list_pools(arm, as_text(server.get("id")))
        except Gone:  # deleted since it was listed
            continue


PLAIN_LISTS: Final[Mapping[Kind, Lister]] = MappingProxyType(
    {
        Kind.VIRTUAL_NETWORK: virtual_networks.list_networks,
        Kind.SECURITY_GROUP: security_groups.list_security_groups,
        Kind.AVAILABILITY_SET: availability_sets.list_sets,
        Kind.KEY_VAULT: vaults.list_vaults,
        Kind.SQL_SERVER: _sql_servers,
        Kind.SQL_POOL: _sql_pools,
    }
)
