"""From Azure's JSON of networks, vaults, servers and pools to rows of ``ResourceRow``. Pure.

What each kind has in ``facts``:

- virtual network: ``addressSpaces``
- key vault: ``uri``, ``tenantId``
- SQL server: ``serverType`` (``Unmanaged`` for logical servers, ``Managed`` for
  instances), ``host``
- SQL elastic pool: ``serverId`` (system id), ``edition``, ``dtu``, ``state``,
  ``poolStorageMib``, ``databaseStorageMib``
"""

from __future__ import annotations

from typing import Final

from kyanite.areas.inventory.kinds import Kind
from kyanite.base.azure_names import ArmId, region_code
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, as_list, as_text, dig
from kyanite.base.units import MIB

_DTU_EDITIONS: Final = frozenset({"basic", "standard", "premium"})
# Azure tells no limit for one database of a pool: that of the pool holds, or of the edition.
_LARGEST_BASIC_DATABASE_MIB: Final = 2048


def plain_row(kind: Kind, raw: JsonObject) -> dict[str, object]:
    """The columns of ``ResourceRow``. Raises ``Invalid`` when there is no usable id."""
    azure_id = as_text(raw.get("id"))
    arm_id = ArmId.parse(azure_id)
    name = as_text(raw.get("name")) or arm_id.name
    return {
        "id": system_id(azure_id),
        "kind": kind.value,
        "azure_id": azure_id,
        "name": name,
        "name_key": name.lower(),
        "subscription_id": arm_id.subscription_id.lower(),
        "resource_group": arm_id.group,
        "region": region_code(as_text(raw.get("location"))),
        "facts": _facts(kind, raw, arm_id),
    }


def _facts(kind: Kind, raw: JsonObject, arm_id: ArmId) -> JsonObject:
    if kind is Kind.VIRTUAL_NETWORK:
        spaces = as_list(dig(raw, "properties", "addressSpace", "addressPrefixes"))
        return {"addressSpaces": [as_text(space) for space in spaces]}
    if kind is Kind.KEY_VAULT:
        return {
            "uri": as_text(dig(raw, "properties", "vaultUri")),
            "tenantId": as_text(dig(raw, "properties", "tenantId")).lower(),
        }
    if kind is Kind.SQL_SERVER:
        managed = arm_id.kind.lower() == "managedinstances"
        return {
            "serverType": "Managed" if managed else "Unmanaged",
            "host": as_text(dig(raw, "properties", "fullyQualifiedDomainName")),
        }
    if kind is Kind.SQL_POOL:
        return _pool(raw)
    return {}


def _pool(raw: JsonObject) -> JsonObject:
    edition = as_text(dig(raw, "sku", "tier")) or as_text(dig(raw, "properties", "edition"))
    capacity = dig(raw, "sku", "capacity")
    size_bytes = dig(raw, "properties", "maxSizeBytes")
    size_mib = size_bytes // MIB if isinstance(size_bytes, int) else 0
    basic = edition.lower() == "basic"
    return {
        "serverId": system_id(as_text(raw.get("id")).rpartition("/elasticPools/")[0]),
        "edition": edition,
        # The capacity of the other editions is counted in cores.
        "dtu": capacity if edition.lower() in _DTU_EDITIONS else 0,
        "state": as_text(dig(raw, "properties", "state")),
        "poolStorageMib": size_mib,
        "databaseStorageMib": min(size_mib, _LARGEST_BASIC_DATABASE_MIB) if basic else size_mib,
    }
