"""The api-version asked of each resource type: one file, so that one look tells.

The versions are those of the current official SDKs. A newer one is taken over here only
after the answers have been compared, as backups keep raw JSON.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_VERSIONS: Final = MappingProxyType(
    {
        "microsoft.authorization/denyassignments": "2022-04-01",
        "microsoft.authorization/locks": "2020-05-01",
        "microsoft.authorization/permissions": "2022-04-01",
        "microsoft.authorization/roleassignments": "2022-04-01",
        "microsoft.authorization/roledefinitions": "2022-04-01",
        "microsoft.compute/disks": "2026-03-02",
        "microsoft.compute/diskaccesses": "2026-03-02",
        "microsoft.compute/diskencryptionsets": "2026-03-02",
        "microsoft.compute/skus": "2021-07-01",
        "microsoft.compute/snapshots": "2026-03-02",
        "microsoft.resources/tags": "2025-04-01",
        "microsoft.storage/storageaccounts": "2026-09-01",
    }
)
_NAMESPACES: Final = MappingProxyType(
    {
        "microsoft.compute": "2026-04-01",
        "microsoft.keyvault": "2026-05-15",
        "microsoft.network": "2026-03-01",
        "microsoft.storage": "2026-09-01",
        "microsoft.authorization": "2022-04-01",
        "microsoft.resources": "2025-04-01",
        "microsoft.sql": "2025-01-01",
    }
)
_RESOURCES: Final = "2025-04-01"
_SUBSCRIPTIONS: Final = "2022-12-01"


def api_version_of(path: str) -> str:
    """The api-version for an ARM path (without query).

    The last ``/providers/`` decides; paths without one belong to subscriptions (tenants,
    subscriptions, locations) or to resources (groups, everything else).
    Raises ``KeyError`` for a namespace that nobody has entered here.
    """
    parts = path.strip("/").split("/")
    lowered = [part.lower() for part in parts]
    if "providers" in lowered:
        at = len(lowered) - 1 - lowered[::-1].index("providers")
        if at + 2 >= len(lowered) or lowered[at + 2] == "register":  # …/providers, one of them
            return _RESOURCES
        namespace, kind = lowered[at + 1], lowered[at + 2]
        return _VERSIONS.get(f"{namespace}/{kind}") or _NAMESPACES[namespace]
    if lowered[0] in ("tenants", "subscriptions") and (
        len(lowered) <= 2 or lowered[2] == "locations"
    ):
        return _SUBSCRIPTIONS
    return _RESOURCES
