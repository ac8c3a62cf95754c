"""How a service declares a type of ARM resource, and the behaviour that most types share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from azlab.core.arm_call import ArmCall, ArmHandler
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject
from azlab.core.operations import DELETED
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import DeleteHook, Record
from azlab.core.state import Transaction

Present: TypeAlias = Callable[[ArmCall, Record], JsonObject]
"""Turns a stored record into what GET and lists show (computed members added)."""

MoveHook: TypeAlias = Callable[[Transaction, ResourceId, ResourceId], None]


def stored_body(call: ArmCall, record: Record) -> JsonObject:  # noqa: ARG001
    """The presentation of types that show what they store."""
    return record.body


def delete_later(call: ArmCall) -> Response:
    """DELETE as most types do it: 202 with a long-running operation, 204 when absent."""
    record = call.lab.resources.find(call.tx, call.id)
    if record is None:
        return Response(204)
    call.lab.resources.set_provisioning_state(call.tx, record.id, "Deleting")
    location = record.body.get("location")
    headers = call.start_operation(
        complete=DELETED,
        arguments={"id": record.id.text},
        location=location if isinstance(location, str) else "",
    )
    return Response(202, headers)


def delete_now(call: ArmCall) -> Response:
    """DELETE that is done at once: 200, or 204 when absent."""
    return Response(200 if call.lab.resources.remove(call.tx, call.id) else 204)


@dataclass(frozen=True)
class ArmType:
    """One type of resource and what can be done with it.

    Everything a handler does happens in one transaction. The core has checked token, api-version,
    subscription, group (for PUT), locks and the action before a handler runs: `type/read` for
    GET and lists, `type/write` for PUT and PATCH, `type/delete`, `type/<name>/action` for POST.
    A handler that is None is answered with 405.
    """

    name: str
    """Such as `Microsoft.Compute/disks` or `Microsoft.Network/virtualNetworks/subnets`."""
    api_versions: tuple[str, ...]
    put: ArmHandler | None = None
    patch: ArmHandler | None = None
    delete: ArmHandler | None = delete_later
    present: Present = stored_body
    get: ArmHandler | None = None
    """None: the stored record, presented."""
    list: ArmHandler | None = None
    """None: the stored records of the group, subscription or parent, presented, in pages."""
    actions: Mapping[str, ArmHandler] = field(default_factory=dict)
    """POST `…/{name}/<action>`; needs `type/<action>/action`."""
    reads: Mapping[str, ArmHandler] = field(default_factory=dict)
    """GET `…/{name}/<word>`; needs `type/<word>/read`."""
    queries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Query arguments besides api-version, by verb: get, list, put, patch, delete, or the name of
    an action or read. Any other argument is refused."""
    headers: tuple[str, ...] = ()
    """Conditional headers that the type honours (lower case); others are refused."""
    on_delete: DeleteHook | None = None
    """Frees what the resource owns, whichever way it is deleted (also with its group)."""
    on_move: MoveHook | None = None
    """Follows a move to another group (old id, new id), when the service keeps the id elsewhere."""
    movable: bool = True
    """Whether moveResources takes it."""
    tracked: bool = True
    """Shown in generic lists. Child types never are."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """For COVERAGE.md, by verb: what is not as in Azure."""

    @property
    def namespace(self) -> str:
        """Such as `Microsoft.Compute`."""
        return self.name.split("/", 1)[0]

    @property
    def types(self) -> tuple[str, ...]:
        """The type segments: ("virtualNetworks", "subnets")."""
        return tuple(self.name.split("/")[1:])

    @property
    def is_child(self) -> bool:
        """Whether resources of this type lie inside another resource."""
        return len(self.types) > 1


def get_stored(kind: ArmType) -> ArmHandler:
    """GET of one resource."""

    def get(call: ArmCall) -> Response:
        return json_response(200, kind.present(call, call.record()))

    return get


def head_stored(call: ArmCall) -> Response:
    """HEAD of one resource: 204 or 404, without a body."""
    return Response(204 if call.lab.resources.find(call.tx, call.id) else 404)


def list_stored(kind: ArmType) -> ArmHandler:
    """The list of a group, a subscription or a parent resource."""

    def listed(call: ArmCall) -> Response:
        if call.id.namespace:
            if call.lab.resources.find(call.tx, call.id) is None:
                raise call.not_found()
        elif call.id.group:
            call.group()
        resources = call.lab.resources
        if call.partly:  # which of them may be seen is only known one by one
            records = resources.list(call.tx, call.id, kind.name)
        else:
            start, size = call.page_start, call.page_size
            records = resources.list_after(call.tx, call.id, kind.name, start, size + 1)
        return call.page(kind.present(call, record) for record in records)

    return listed
