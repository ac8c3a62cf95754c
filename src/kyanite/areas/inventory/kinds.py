"""The kinds of things the inventory knows."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """As stored in the sightings."""

    SUBSCRIPTION = "subscription"
    REGION = "region"
    RESOURCE_GROUP = "resource group"
    STORAGE_ACCOUNT = "storage account"
    MACHINE = "virtual machine"


STORAGE_ACCOUNT_USED_KIND = "storage account"
"""The kind under which storage accounts stand in the table of uses."""
