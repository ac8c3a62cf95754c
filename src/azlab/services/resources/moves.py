"""Moving resources to another group of the same subscription."""

from azlab.core.arm import ArmCall, ArmError
from azlab.core.arm_call import missing
from azlab.core.errors import group_not_found
from azlab.core.http import Response
from azlab.core.json_types import JsonObject, JsonValue, object_at, text_at, texts_at
from azlab.core.resource_ids import BadResourceId, ResourceId, contains, parse
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.resources.versions import RESOURCES

_PATH = "/subscriptions/{subscription}/resourceGroups/{group}"
_MOVE = "resources.move"


def register(lab: Lab) -> None:
    """Add the routes."""
    lab.arm.route(
        "POST", _PATH + "/moveResources", _move, operation="resources.move",
        action="Microsoft.Resources/subscriptions/resourceGroups/moveResources/action",
        api_versions=RESOURCES, note="within one subscription",
    )  # fmt: skip
    lab.arm.route(
        "POST", _PATH + "/validateMoveResources", _validate, operation="resources.validateMove",
        action="Microsoft.Resources/subscriptions/resourceGroups/validateMoveResources/action",
        api_versions=RESOURCES, note="within one subscription",
    )  # fmt: skip

    def move(tx: Transaction, arguments: JsonObject) -> JsonValue:
        target = parse(text_at(arguments, "target"))
        for text in texts_at(arguments, "resources"):
            _move_one(lab, tx, parse(text), target)
        return None

    lab.operations.register(_MOVE, move)


def _checked(call: ArmCall) -> JsonObject:
    """The arguments of the operation, once everything that Azure checks first is in order."""
    asked = call.json()
    call.group()
    try:
        target = parse(text_at(asked, "targetResourceGroup"))
        ids = [parse(text) for text in texts_at(asked, "resources")]
    except BadResourceId as error:
        raise ArmError(400, "InvalidResourceId", str(error)) from error
    if target.subscription.lower() != call.id.subscription.lower():
        raise ArmError(
            501, "NotImplemented", "The lab does not move resources between subscriptions."
        )
    group = call.lab.groups.find(call.tx, target)
    if group is None:
        raise group_not_found(target.group)
    call.require("Microsoft.Resources/subscriptions/resourceGroups/write", group.id.text)
    if not ids:
        raise ArmError(400, "InvalidRequestContent", "The list of resources is empty.")
    moved: list[JsonValue] = []
    for one in ids:
        moved.append(_check_one(call, one, group.id))
    return {"target": group.id.text, "resources": moved}


def _check_one(call: ArmCall, one: ResourceId, group: ResourceId) -> str:
    if one.group_id.key != call.id.group_id.key:
        raise ArmError(
            400,
            "InvalidMoveResources",
            f"The resource '{one.text}' does not lie in the group '{call.id.group}'.",
        )
    record = call.lab.resources.find(call.tx, one)
    if record is None:
        raise missing(one)
    kind = call.lab.arm.types.get(record.id.type.lower())
    if kind is None or kind.is_child or not kind.movable:
        raise ArmError(
            409,
            "ResourceMoveNotSupported",
            f"Resources of the type '{record.id.type}' cannot be moved.",
        )
    holder = text_at(record.body, "managedBy") or text_at(
        object_at(record.body, "properties", "virtualMachine"), "id"
    )
    if holder:
        raise ArmError(
            409,
            "ResourceMoveFailed",
            f"The resource '{record.id.text}' is in use by '{holder}' and cannot be moved alone.",
        )
    there = moved_id(record.id, group)
    if call.lab.resources.find(call.tx, there) is not None:
        raise ArmError(
            409, "ResourceMoveConflict", f"The target group has a resource '{there.text}' already."
        )
    return record.id.text


def moved_id(resource_id: ResourceId, group: ResourceId) -> ResourceId:
    """The id the resource has in the other group."""
    return ResourceId(
        resource_id.subscription,
        group.group,
        resource_id.namespace,
        resource_id.types,
        resource_id.names,
    )


def _move(call: ArmCall) -> Response:
    headers = call.start_operation(complete=_MOVE, arguments=_checked(call), style="location")
    return Response(202, headers)


def _validate(call: ArmCall) -> Response:
    _checked(call)
    headers = call.start_operation(complete="nothing", arguments={}, style="location")
    return Response(202, headers)


def _move_one(lab: Lab, tx: Transaction, old: ResourceId, group: ResourceId) -> None:
    """Give a resource, its children and all that refers to them the new id."""
    new = moved_id(old, group)
    kind = lab.arm.types.get(old.type.lower())
    if kind is not None and kind.on_move is not None:
        kind.on_move(tx, old, new)
    for record in lab.resources.list(tx, ResourceId(old.subscription)):
        if contains(old.text, record.id.text):
            there = parse(new.text + record.id.text[len(old.text) :])
            lab.resources.rename(tx, record.id, there)
            record = lab.resources.find(tx, there) or record
        changed = _renamed(record.body, old.text, new.text)
        if changed != record.body and isinstance(changed, dict):
            lab.resources.put(tx, record.id, changed)


def _renamed(value: JsonValue, old: str, new: str) -> JsonValue:
    if isinstance(value, str):
        return new + value[len(old) :] if value[:1] == "/" and contains(old, value) else value
    if isinstance(value, list):
        return [_renamed(one, old, new) for one in value]
    if isinstance(value, dict):
        return {name: _renamed(one, old, new) for name, one in value.items()}
    return value
