"""The tags API: tags of a subscription, group or resource without touching the rest of it."""

from azlab.core.arm import ArmCall, ArmError
from azlab.core.arm_call import missing
from azlab.core.errors import group_not_found, subscription_not_found
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, object_at, string_map_at, text_at
from azlab.core.resource_ids import BadResourceId, ResourceId, parse
from azlab.core.service import Lab
from azlab.services.resources.state import find_subscription, put_subscription
from azlab.services.resources.versions import RESOURCES

_PATH = "/{scope*}/providers/Microsoft.Resources/tags/default"
_MOST_TAGS = 50  # Azure's limit for one resource


def register(lab: Lab) -> None:
    """Add the routes."""
    for method, handler, action in (
        ("GET", _get, "read"),
        ("PUT", _put, "write"),
        ("PATCH", _patch, "write"),
        ("DELETE", _delete, "delete"),
    ):
        lab.arm.route(
            method,
            _PATH,
            handler,
            operation=f"tags.{method.lower()}",
            action=f"Microsoft.Resources/tags/{action}",
            api_versions=RESOURCES,
        )


def _scope(call: ArmCall) -> ResourceId:
    try:
        return parse(call.scope)
    except BadResourceId as error:
        raise ArmError(400, "InvalidScope", str(error)) from error


def _read(call: ArmCall, scope: ResourceId) -> JsonObject:
    if scope.namespace:
        record = call.lab.resources.find(call.tx, scope)
        if record is None:
            raise missing(scope)
        return record.body
    if scope.group:
        group = call.lab.groups.find(call.tx, scope)
        if group is None:
            raise group_not_found(scope.group)
        return group.body
    body = find_subscription(call.tx, scope.subscription)
    if body is None:
        raise subscription_not_found(scope.subscription)
    return body


def _write(call: ArmCall, tags: dict[str, str]) -> Response:
    scope = _scope(call)
    body = _read(call, scope)
    if len(tags) > _MOST_TAGS:
        raise ArmError(400, "InvalidTags", f"A resource can have at most {_MOST_TAGS} tags.")
    whole: JsonObject = dict(tags)
    body["tags"] = whole
    if scope.namespace:
        call.lab.resources.put(call.tx, scope, body)
    elif scope.group:
        call.lab.groups.put(call.tx, scope, body)
    else:
        put_subscription(call.tx, scope.subscription, body)
    return _answer(call, whole)


def _answer(call: ArmCall, tags: JsonObject) -> Response:
    return json_response(
        200,
        {
            "id": f"{call.scope}/providers/Microsoft.Resources/tags/default",
            "name": "default",
            "type": "Microsoft.Resources/tags",
            "properties": {"tags": tags},
        },
    )


def _get(call: ArmCall) -> Response:
    return _answer(call, object_at(_read(call, _scope(call)), "tags"))


def _put(call: ArmCall) -> Response:
    return _write(call, string_map_at(call.json(), "properties", "tags"))


def _patch(call: ArmCall) -> Response:
    asked = call.json()
    given = string_map_at(asked, "properties", "tags")
    operation = text_at(asked, "operation").lower()
    tags = string_map_at(_read(call, _scope(call)), "tags")
    by_name = {name.lower(): name for name in tags}
    if operation == "replace":
        tags = given
    elif operation == "merge":
        for name, value in given.items():
            tags[by_name.get(name.lower(), name)] = value
    elif operation == "delete":
        for name, value in given.items():
            kept = by_name.get(name.lower())
            if kept is not None and (not value or tags[kept] == value):
                del tags[kept]
    else:
        raise ArmError(
            400,
            "InvalidTagsOperation",
            f"The operation '{text_at(asked, 'operation')}' is not Merge, Replace or Delete.",
        )
    return _write(call, tags)


def _delete(call: ArmCall) -> Response:
    return Response(_write(call, {}).status)
