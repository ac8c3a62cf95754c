"""The kinds of things the inventory knows."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """As stored in the sightings."""

    SUBSCRIPTION = "subscription"
    REGION = "region"
    RESOURCE_GROUP = "resource group"
    STORAGE_ACCOUNT = "storage account"
    MACHINE = "virtual machine"
    VIRTUAL_NETWORK = "virtual network"
    SECURITY_GROUP = "network security group"
    AVAILABILITY_SET = "availability set"
    KEY_VAULT = "key vault"
    SQL_SERVER = "sql server"
    SQL_POOL = "sql elastic pool"


PLAIN_KINDS: Final = frozenset(
    {
        Kind.VIRTUAL_NETWORK,
        Kind.SECURITY_GROUP,
        Kind.AVAILABILITY_SET,
        Kind.KEY_VAULT,
        Kind.SQL_SERVER,
        Kind.SQL_POOL,
    }
)
"""Kinds that share one table: little is known of them."""


STORAGE_ACCOUNT_USED_KIND: Final = Kind.STORAGE_ACCOUNT.value
"""The kind under which storage accounts stand in the table of uses.

Of every kind that is told apart after its removal: what stands in the table of uses under the
kind's own name stays known after Azure has lost it.
"""
