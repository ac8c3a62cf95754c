"""What all network resources share: entity tags, locations, tags, the way they are stored."""

from __future__ import annotations

import uuid

from azlab.core.arm import ArmCall
from azlab.core.errors import ArmError
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    make_object_at,
    object_at,
    string_map_at,
    text_at,
)
from azlab.core.operations import PROVISIONED
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import Record
from azlab.services.network.shapes import check_body
from azlab.services.placement import (
    check_not_deleting,
    check_region,
    check_same_location,
    location_of,
)


def placed(call: ArmCall, asked: JsonObject, known: Record | None) -> str:
    """The region a body asks for; it must exist, and a resource stays where it is."""
    location = location_of(asked)
    check_region(call, location)
    if known is not None:
        check_same_location(asked, known)
    return location


def tagged(body: JsonObject, asked: JsonObject) -> JsonObject:
    """Put the tags of a request on a body."""
    if tags := string_map_at(asked, "tags"):
        body["tags"] = {**tags}
    return body


def keep(
    call: ArmCall, resource_id: ResourceId, body: JsonObject, known: Record | None
) -> JsonObject:
    """Store a resource with a fresh entity tag; its guid stays what it was."""
    if known is not None:
        check_not_deleting(known)
    body["etag"] = f'W/"{uuid.uuid4()}"'
    properties = make_object_at(body, "properties")
    if len(resource_id.types) == 1:
        before = object_at(known.body, "properties") if known is not None else {}
        properties["resourceGuid"] = text_at(before, "resourceGuid") or str(uuid.uuid4())
    return call.lab.resources.put(call.tx, resource_id, body)


def accepted(call: ArmCall, shown: JsonObject, location: str, known: Record | None) -> Response:
    """The answer of a PUT: 201 for a new resource, 200 for one that was there."""
    headers = call.start_operation(
        complete=PROVISIONED,
        arguments={"id": text_at(shown, "id")},
        location=location,
        style="async",
    )
    return json_response(200 if known is not None else 201, shown, headers)


def patch_tags(call: ArmCall) -> Response:
    """PATCH of network resources: tags only."""
    asked = call.json()
    for name in asked:
        if name != "tags":
            raise ArmError(
                400, "InvalidRequestFormat", f"Only tags can be changed by PATCH, not '{name}'."
            )
    record = call.record()
    record.body["tags"] = {**string_map_at(asked, "tags")}
    keep(call, record.id, record.body, record)
    kind = call.lab.arm.types[record.id.type.lower()]
    return json_response(200, kind.present(call, call.record()))


def checked(call: ArmCall, model: str) -> JsonObject:
    """The body of a request, of known members only."""
    asked = call.json()
    check_body(model, asked)
    return asked
