"""Microsoft.Sql/servers/elasticPools."""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.errors import ArmError
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    integer_at,
    make_object_at,
    object_at,
    string_map_at,
    text_at,
)
from azlab.core.operations import PROVISIONED
from azlab.core.resource_ids import ResourceId
from azlab.services.placement import check_same_location, location_of
from azlab.services.sql.servers import SERVERS
from azlab.services.sql.shapes import check_body

POOLS = f"{SERVERS}/elasticPools"
_GIB = 1 << 30
# Edition → the eDTUs a pool may have, and how much it holds unless it says otherwise.
_EDITIONS: dict[str, tuple[tuple[int, ...], int]] = {
    "Basic": ((50, 100, 200, 300, 400, 800, 1200, 1600), 5 * _GIB),
    "Standard": ((50, 100, 200, 300, 400, 800, 1200, 1600, 2000, 2500, 3000), 50 * _GIB),
    "Premium": ((125, 250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000), 250 * _GIB),
}
_BY_CORES = ("GeneralPurpose", "BusinessCritical")


def put_pool(call: ArmCall) -> Response:
    """Create or change a pool of a server, in the region of the server."""
    asked = call.json()
    check_body("ElasticPool", asked)
    server = call.lab.resources.find(call.tx, server_of(call.id))
    if server is None:
        raise ArmError(
            404,
            "ParentResourceNotFound",
            f"Can not perform requested operation on nested resource. Parent resource "
            f"'{call.id.names[0]}' not found.",
        )
    location = location_of(asked)
    check_same_location(asked, server)
    sku = _sku(asked)
    properties: JsonObject = {
        k: v for k, v in object_at(asked, "properties").items() if v is not None
    }
    tier = text_at(sku, "tier")
    default_bytes = _EDITIONS[tier][1] if tier in _EDITIONS else 32 * _GIB
    properties.setdefault("maxSizeBytes", default_bytes)
    properties.setdefault("zoneRedundant", False)
    properties["state"] = "Ready"
    body: JsonObject = {
        "location": location,
        "tags": {**string_map_at(asked, "tags")},
        "sku": sku,
        "properties": properties,
    }
    known = call.lab.resources.find(call.tx, call.id)
    stored = call.lab.resources.put(call.tx, call.id, body)
    headers = call.start_operation(
        complete=PROVISIONED,
        arguments={"id": text_at(stored, "id")},
        location=location,
        style="async",
    )
    return json_response(200 if known is not None else 201, stored, headers)


def server_of(pool_id: ResourceId) -> ResourceId:
    """The server a pool lies in."""
    return ResourceId(
        pool_id.subscription,
        pool_id.group,
        pool_id.namespace,
        pool_id.types[:1],
        pool_id.names[:1],
    )


def _sku(asked: JsonObject) -> JsonObject:
    name = text_at(asked, "sku", "name") or "StandardPool"
    tier = text_at(asked, "sku", "tier") or name.removesuffix("Pool")
    if tier in _BY_CORES:
        capacity = integer_at(asked, "sku", "capacity") or 2
    elif tier in _EDITIONS:
        allowed = _EDITIONS[tier][0]
        capacity = integer_at(asked, "sku", "capacity") or allowed[0]
        if capacity not in allowed:
            raise ArmError(
                400,
                "ElasticPoolInvalidDtuCount",
                f"The DTU value '{capacity}' is not allowed for a pool of edition '{tier}'.",
            )
    else:
        raise ArmError(400, "InvalidSku", f"The lab knows no elastic pool of the tier '{tier}'.")
    sku: JsonObject = {"name": name, "tier": tier, "capacity": capacity}
    family = text_at(asked, "sku", "family")
    if family:
        make_object_at({"sku": sku}, "sku")["family"] = family
    return sku
