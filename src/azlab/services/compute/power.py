"""Start, power off, restart, deallocate."""

from __future__ import annotations

from collections.abc import Callable

from azlab.core.arm import ArmCall
from azlab.core.errors import ArmError
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, object_at, text_at
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.compute import machine_power
from azlab.services.compute.errors import invalid, live_access
from azlab.services.compute.instance_view import instance_view
from azlab.services.compute.machine_disks import disk_ids
from azlab.services.disks import grants
from azlab.services.placement import check_not_deleting, location_of

POWERED, NOT_POWERED = "compute.powerChanged", "compute.powerNotChanged"


def start(call: ArmCall) -> Response:
    """Run a machine; 409 while somebody reads one of its disks by SAS."""
    machine = call.record()
    for disk_id in disk_ids(object_at(machine.body, "properties", "storageProfile")):
        if grants.live_on(call.tx, disk_id, call.request.now):
            raise live_access("disk", disk_id.rsplit("/", 1)[1])
    return _change(call, machine_power.STARTING, machine_power.RUNNING)


def power_off(call: ArmCall) -> Response:
    """Stop a machine; it keeps its host."""
    if call.query("skipShutdown").lower() not in ("", "true", "false"):
        raise invalid("skipShutdown", "skipShutdown must be true or false.")
    return _change(call, machine_power.STOPPING, machine_power.STOPPED)


def restart(call: ArmCall) -> Response:
    """Stop and start a running machine."""
    machine = call.record()
    if machine_power.power_of(call.tx, machine.id.text) != machine_power.RUNNING:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"VM {machine.id.name} is not running and so cannot be restarted.",
        )
    return _change(call, machine_power.STARTING, machine_power.RUNNING)


def deallocate(call: ArmCall) -> Response:
    """Stop a machine and give its host back."""
    if call.query("hibernate").lower() == "true":
        raise ArmError(501, "NotImplemented", "The lab does not hibernate machines.")
    return _change(call, machine_power.DEALLOCATING, machine_power.DEALLOCATED)


def read_instance_view(call: ArmCall) -> Response:
    """GET …/instanceView."""
    return json_response(200, instance_view(call.tx, call.record(), call.request.now))


def list_extensions(call: ArmCall) -> Response:
    """GET …/extensions: the machines of the lab have none."""
    call.record()
    return json_response(200, {"value": []})


class PowerOperations:
    """The ends of these operations."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def register(self) -> None:
        """Make them known to the lab."""
        self._lab.operations.register(POWERED, self._ends("then"))
        self._lab.operations.register(NOT_POWERED, self._ends("before"))

    def _ends(self, member: str) -> Callable[[Transaction, JsonObject], JsonValue]:
        def end(tx: Transaction, arguments: JsonObject) -> JsonValue:
            machine_id = text_at(arguments, "id")
            if tx.get(machine_power.KIND, machine_id.lower()) is not None:
                machine_power.set_power(tx, machine_id, text_at(arguments, member))
            return None

        return end


def _change(call: ArmCall, meanwhile: str, then: str) -> Response:
    machine = call.record()
    check_not_deleting(machine)
    before = machine_power.power_of(call.tx, machine.id.text)
    machine_power.set_power(call.tx, machine.id.text, meanwhile if before != then else then)
    headers = call.start_operation(
        complete=POWERED,
        arguments={"id": machine.id.text, "then": then, "before": before},
        location=location_of(machine.body),
        on_failure=NOT_POWERED,
    )
    return Response(202, headers)
