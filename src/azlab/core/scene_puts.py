"""Resources of a scene, made by the same handlers that answer a PUT.

So a scene cannot hold anything that Azure would refuse, and a service needs no second way of
making its resources. An entry names `subscription`, `group`, `type` and `name`; the rest is the
body of the PUT. A text that starts with `@`, such as `@Microsoft.Network/networkInterfaces/web`,
stands for the id of that resource in the same group.
"""

from azlab.core.arm_call import ArmCall
from azlab.core.body import BodyReader
from azlab.core.errors import ArmError
from azlab.core.http import ClientWatch, Headers, QueryArgs, Request
from azlab.core.json_types import JsonObject, JsonValue, WrongShape, text_at
from azlab.core.operations import Style
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.core.tokens import Principal
from azlab.services.identity.state import read_tenant

_ADDRESS_MEMBERS = ("subscription", "group", "type", "name")


class _SceneCall(ArmCall):
    """A call by the scene itself: it may do everything, and its operations end at once."""

    asked: JsonObject

    def json(self) -> JsonObject:
        return self.asked

    def allowed(self, action: str, scope: str, *, data: bool = False) -> bool:  # noqa: ARG002
        return True

    def start_operation(
        self,
        *,
        complete: str,
        arguments: JsonObject,
        location: str = "",
        style: Style = "both",
        seconds: float | None = None,  # noqa: ARG002
        on_failure: str = "",
        target: ResourceId | None = None,
    ) -> dict[str, str]:
        return super().start_operation(
            complete=complete,
            arguments=arguments,
            location=location,
            style=style,
            seconds=0,
            on_failure=on_failure,
            target=target,
        )


class _NoBytes:
    """The connection behind a request that never came over one."""

    def read_into(self, target: memoryview) -> int:  # noqa: ARG002
        return 0

    def read_line(self, limit: int) -> bytes:  # noqa: ARG002
        return b""


def put_resource(lab: Lab, tx: Transaction, entry: JsonObject) -> ResourceId:
    """Make one resource; WrongShape with the service's own words when it refuses."""
    resource_id = entry_id(entry)
    body = {k: expanded(v, resource_id) for k, v in entry.items() if k not in _ADDRESS_MEMBERS}
    put_at(lab, tx, resource_id, body)
    return resource_id


def put_at(lab: Lab, tx: Transaction, resource_id: ResourceId, body: JsonObject) -> None:
    """Make one resource, of any depth, by the body of its PUT; WrongShape as above."""
    kind = lab.arm.types.get(resource_id.type.lower())
    if kind is None or kind.put is None:
        raise WrongShape(f"A scene cannot make resources of the type '{resource_id.type}'.")
    request = Request(
        method="PUT",
        path=resource_id.text,
        raw_path=resource_id.text,
        raw_query="",
        query=QueryArgs(),
        headers=Headers(),
        body=BodyReader(_NoBytes(), 0, 0),
        base_url=lab.endpoints.arm,
        now=lab.clock.now(),
        client_gone=ClientWatch(),
    )
    principal = Principal("scene", "scene", read_tenant(tx).id)
    call = _SceneCall(
        lab, request, tx, principal, kind.api_versions[0], resource_id, f"{kind.name}/write"
    )
    call.asked = body
    try:
        call.group()
        kind.put(call)
    except ArmError as error:
        raise WrongShape(f"{resource_id.text}: {error.message}") from error
    lab.operations.settle(tx)


def entry_id(entry: JsonObject) -> ResourceId:
    """The id of the resource that an entry describes."""
    values = [text_at(entry, name) for name in _ADDRESS_MEMBERS]
    if not all(values):
        raise WrongShape("A resource of a scene needs subscription, group, type and name.")
    subscription, group, kind, name = values
    namespace, _, types = kind.partition("/")
    if not types or "/" in types:
        raise WrongShape(f"'{kind}' is not the type of a resource that stands alone.")
    return ResourceId(subscription, group, namespace, (types,), (name,))


def expanded(value: JsonValue, beside: ResourceId) -> JsonValue:
    """The value with every `@…` replaced by an id in the group of `beside`."""
    if isinstance(value, str):
        return f"{beside.group_id.text}/providers/{value[1:]}" if value.startswith("@") else value
    if isinstance(value, list):
        return [expanded(one, beside) for one in value]
    if isinstance(value, dict):
        return {name: expanded(one, beside) for name, one in value.items()}
    return value
