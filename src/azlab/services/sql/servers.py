"""Microsoft.Sql/servers and managedInstances: known to ARM, with nothing that answers SQL."""

from __future__ import annotations

import re

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
from azlab.services.placement import check_region, check_same_location, location_of
from azlab.services.sql.shapes import check_body

SERVERS = "Microsoft.Sql/servers"
INSTANCES = "Microsoft.Sql/managedInstances"
# Never shown again, whatever asks for it.
_SECRETS = ("administratorLoginPassword",)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# RFC 2606: nothing on the network ever answers under such a name.
_SERVER_DOMAIN, _INSTANCE_DOMAIN = "database.windows.test", "lab.database.windows.test"


def put_server(call: ArmCall) -> Response:
    """Create or change a logical server."""
    body = _placed(call, "Server")
    properties = make_object_at(body, "properties")
    properties.setdefault("version", "12.0")
    properties.setdefault("minimalTlsVersion", "1.2")
    properties.setdefault("publicNetworkAccess", "Enabled")
    properties.setdefault("restrictOutboundNetworkAccess", "Disabled")
    properties["fullyQualifiedDomainName"] = f"{call.id.name.lower()}.{_SERVER_DOMAIN}"
    properties["state"] = "Ready"
    return _stored(call, {"kind": "v12.0", **body})


def put_instance(call: ArmCall) -> Response:
    """Create or change a managed instance."""
    body = _placed(call, "ManagedInstance")
    properties = make_object_at(body, "properties")
    properties.setdefault("vCores", 4)
    properties.setdefault("storageSizeInGB", 32)
    if (integer_at(body, "properties", "vCores") or 0) < 4:
        raise ArmError(400, "InvalidVCoresValue", "A managed instance has 4 vCores at least.")
    properties["fullyQualifiedDomainName"] = f"{call.id.name.lower()}.{_INSTANCE_DOMAIN}"
    properties["state"] = "Ready"
    body.setdefault("sku", {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5"})
    return _stored(call, body)


def _placed(call: ArmCall, model: str) -> JsonObject:
    asked = call.json()
    check_body(model, asked)
    if not _NAME.fullmatch(call.id.name.lower()):
        raise ArmError(
            400,
            "InvalidResourceName",
            f"'{call.id.name}' is not a valid name: use letters, digits and hyphens.",
        )
    known = call.lab.resources.find(call.tx, call.id)
    if known is not None:
        check_same_location(asked, known)
    location = location_of(asked)
    check_region(call, location)
    before = object_at(known.body, "properties") if known is not None else {}
    given = object_at(asked, "properties")
    login = text_at(given, "administratorLogin")
    if known is None and not login and not object_at(given, "administrators"):
        raise ArmError(
            400, "InvalidParameterValue", "A new server needs an administrator: a login or Entra."
        )
    if login and before and login != text_at(before, "administratorLogin"):
        raise ArmError(400, "InvalidParameterValue", "The administrator login cannot change.")
    body: JsonObject = {
        "location": location,
        "tags": {**string_map_at(asked, "tags")},
        "properties": {
            **before,
            **{k: v for k, v in given.items() if k not in _SECRETS and v is not None},
        },
    }
    for name in ("sku", "identity"):
        if asked.get(name) is not None:
            body[name] = asked[name]
    return body


def _stored(call: ArmCall, body: JsonObject) -> Response:
    known = call.lab.resources.find(call.tx, call.id)
    stored = call.lab.resources.put(call.tx, call.id, body)
    headers = call.start_operation(
        complete=PROVISIONED,
        arguments={"id": text_at(stored, "id")},
        location=text_at(stored, "location"),
        style="async",
    )
    return json_response(200 if known is not None else 201, stored, headers)
