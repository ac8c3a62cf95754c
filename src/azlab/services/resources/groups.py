"""Resource groups: create, change, delete with all they hold."""

import re

from azlab.core.arm import ArmCall, ArmError
from azlab.core.errors import group_not_found
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    make_object_at,
    string_map_at,
    text_at,
)
from azlab.core.resource_ids import parse
from azlab.core.resources import Record
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.authorization.state import forget_scope
from azlab.services.resources.filters import TagFilter, parse_filter
from azlab.services.resources.regions import code_name
from azlab.services.resources.state import location_names
from azlab.services.resources.versions import RESOURCES

_ACTION = "Microsoft.Resources/subscriptions/resourceGroups"
_MANY = "/subscriptions/{subscription}/resourceGroups"
_ONE = _MANY + "/{group}"
_NAME = re.compile(r"[-\w._()]{0,89}[-\w_()]")
_MEMBERS = {"location", "tags", "properties", "managedBy", "id", "name", "type"}
_DELETE, _DELETE_FAILED = "resources.group.delete", "resources.group.delete.failed"


def register(lab: Lab) -> None:
    """Add the routes."""
    for method, path, handler, operation, action in (
        ("GET", _MANY, _list, "resourceGroups.list", "read"),
        ("GET", _ONE, _get, "resourceGroups.get", "read"),
        ("HEAD", _ONE, _head, "resourceGroups.head", "read"),
        ("PUT", _ONE, _put, "resourceGroups.put", "write"),
        ("PATCH", _ONE, _patch, "resourceGroups.patch", "write"),
        ("DELETE", _ONE, _delete, "resourceGroups.delete", "delete"),
    ):
        listing = operation.endswith(".list")
        lab.arm.route(
            method,
            path,
            handler,
            operation=operation,
            action=f"{_ACTION}/{action}",
            api_versions=RESOURCES,
            queries=("$filter", "$top", "$skiptoken") if listing else (),
        )

    def delete(tx: Transaction, arguments: JsonObject) -> JsonValue:
        group_id = parse(text_at(arguments, "id"))
        for record in reversed(lab.resources.list(tx, group_id)):
            lab.resources.remove(tx, record.id)
        forget_scope(lab, tx, group_id.text)
        lab.groups.remove(tx, group_id)
        return None

    def keep(tx: Transaction, arguments: JsonObject) -> JsonValue:
        group = lab.groups.find(tx, parse(text_at(arguments, "id")))
        if group is not None:
            make_object_at(group.body, "properties")["provisioningState"] = "Succeeded"
            lab.groups.put(tx, group.id, group.body)
        return None

    lab.operations.register(_DELETE, delete)
    lab.operations.register(_DELETE_FAILED, keep)


def _found(call: ArmCall) -> Record:
    group = call.lab.groups.find(call.tx, call.id)
    if group is None:
        raise group_not_found(call.id.group)
    return group


def _list(call: ArmCall) -> Response:
    wanted = parse_filter(call.query("$filter"), ("tagName", "tagValue"))
    tag = TagFilter.of(wanted)
    groups = call.lab.groups.list(call.tx, call.id.subscription)
    return call.page(group.body for group in groups if tag.fits(group.body))


def _get(call: ArmCall) -> Response:
    return json_response(200, _found(call).body)


def _head(call: ArmCall) -> Response:
    return Response(204 if call.lab.groups.find(call.tx, call.id) else 404)


def _put(call: ArmCall) -> Response:
    asked = call.json()
    _check_members(asked)
    known = call.lab.groups.find(call.tx, call.id)
    if known is not None:
        call.group()
    if not _NAME.fullmatch(call.id.group):
        raise ArmError(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{call.id.group}' has these invalid characters or "
            "a wrong length. The name can only be a letter, digit, '-', '.', '(', ')' or '_'.",
        )
    location = code_name(text_at(asked, "location"))
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required.")
    names = location_names(call.tx)
    if location not in names:
        raise ArmError(
            400,
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{location}' is not available for resource group. List of "
            f"available regions is '{','.join(names)}'.",
        )
    if known is not None and text_at(known.body, "location") != location:
        raise ArmError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists "
            f"in location '{text_at(known.body, 'location')}'.",
        )
    tags: JsonObject = dict(string_map_at(asked, "tags"))
    body: JsonObject = {
        "location": location,
        "tags": tags,
        "properties": {"provisioningState": "Succeeded"},
    }
    if managed_by := text_at(asked, "managedBy"):
        body["managedBy"] = managed_by
    whole = call.lab.groups.put(call.tx, call.id, body)
    return json_response(200 if known else 201, whole)


def _patch(call: ArmCall) -> Response:
    asked = call.json()
    _check_members(asked)
    group = _found(call)
    call.group()
    if "tags" in asked:
        tags: JsonObject = dict(string_map_at(asked, "tags"))
        group.body["tags"] = tags
    return json_response(200, call.lab.groups.put(call.tx, group.id, group.body))


def _delete(call: ArmCall) -> Response:
    group = _found(call)
    make_object_at(group.body, "properties")["provisioningState"] = "Deleting"
    call.lab.groups.put(call.tx, group.id, group.body)
    headers = call.start_operation(
        complete=_DELETE,
        arguments={"id": group.id.text},
        location=text_at(group.body, "location"),
        style="location",
        on_failure=_DELETE_FAILED,
    )
    return Response(202, headers)


def _check_members(asked: JsonObject) -> None:
    if unknown := sorted(set(asked) - _MEMBERS):
        raise ArmError(
            400,
            "InvalidRequestContent",
            f"The request content was invalid and could not be deserialized: 'Could not find "
            f"member '{unknown[0]}' on object of type 'ResourceGroupDefinition'.'.",
        )
