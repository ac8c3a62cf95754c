"""Microsoft.Compute/virtualMachines: create, change, delete, list."""

from __future__ import annotations

from azlab.core.arm import ArmCall, delete_later
from azlab.core.clock import iso
from azlab.core.errors import ArmError
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    make_object_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import ResourceId, parse
from azlab.core.resources import Record
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services import placement
from azlab.services.compute import attachment, errors, machine_power, quota
from azlab.services.compute.disks import DISKS
from azlab.services.compute.instance_view import instance_view
from azlab.services.compute.machine_bodies import (
    check_no_os_profile,
    check_security,
    kept_members,
    new_machine,
    size_of,
    with_tags_and_identity,
)
from azlab.services.compute.machine_disks import check_storage_profile, entries
from azlab.services.compute.references import referred, referred_id
from azlab.services.compute.shapes import check_body
from azlab.services.placement import check_not_deleting, check_same_location, location_of

MACHINES = "Microsoft.Compute/virtualMachines"
AVAILABILITY_SETS = "Microsoft.Compute/availabilitySets"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
CREATED = "compute.machineCreated"


def present(call: ArmCall, record: Record) -> JsonObject:
    """A machine as GET and lists show it; with its instance view when asked for."""
    expand = call.query("$expand")
    if expand and expand.lower() not in ("instanceview", "userdata"):
        raise errors.invalid("$expand", f"The value '{expand}' of $expand is not valid.")
    properties = make_object_at(record.body, "properties")
    if expand.lower() != "userdata":
        properties.pop("userData", None)  # shown only when asked for, as Azure does
    only_status = call.query("statusOnly").lower() == "true"
    if expand.lower() == "instanceview" or only_status:
        properties["instanceView"] = instance_view(call.tx, record, call.request.now)
    return record.body


def list_in_region(call: ArmCall) -> Response:
    """The machines of a subscription in one region."""
    location = call.params["location"].replace(" ", "").lower()
    records = call.lab.resources.list(call.tx, ResourceId(call.id.subscription), MACHINES)
    return call.page(
        present(call, record) for record in records if location_of(record.body) == location
    )


def put_machine(call: ArmCall) -> Response:
    """Create a machine of existing disks and interfaces, or change one."""
    asked = call.json()
    check_body("VirtualMachine", asked)
    known = call.lab.resources.find(call.tx, call.id)
    if known is not None:
        check_same_location(asked, known)
        if "zones" in asked and texts_at(asked, "zones") != texts_at(known.body, "zones"):
            raise errors.property_change_not_allowed("zones")
        return change_machine(call, known, asked)
    location = location_of(asked)
    placement.check_zones(call, asked, location, zone_redundant=False)
    size = size_of(asked)
    check_no_os_profile(asked)
    storage = object_at(asked, "properties", "storageProfile")
    check_storage_profile(storage, size)
    quota.check_cores(call, location, size)
    _check_availability_set(call, asked, location)
    zones = texts_at(asked, "zones")
    full_storage = attachment.full_storage_profile(call, storage, call.id, location, zones)
    system_id = text_at(full_storage, "osDisk", "managedDisk", "id")
    check_security(asked, referred(call, system_id, DISKS, "osDisk").body, size)
    network = object_at(asked, "properties", "networkProfile")
    attachment.check_interfaces(call, network, call.id, location)
    body = new_machine(asked, location, iso(call.request.now))
    with_tags_and_identity(body, asked, call.id.text, call.principal.tenant_id)
    _check_identities(body)
    properties = make_object_at(body, "properties")
    properties["storageProfile"] = full_storage
    properties["networkProfile"] = network
    stored = _keep(call, body, {}, {})
    machine_power.set_power(call.tx, call.id.text, machine_power.STARTING)
    return _accepted(call, stored, 201, powered=True)


def patch_machine(call: ArmCall) -> Response:
    """Change some members of a machine."""
    asked = call.json()
    check_body("VirtualMachineUpdate", asked)
    return change_machine(call, call.record(), asked)


def change_machine(call: ArmCall, known: Record, asked: JsonObject) -> Response:
    """Bring the members of a body into an existing machine; what is absent stays."""
    check_not_deleting(known)
    check_no_os_profile(asked)
    location = location_of(known.body)
    zones = texts_at(known.body, "zones")
    properties: JsonObject = {**object_at(known.body, "properties"), **kept_members(asked)}
    body: JsonObject = {**known.body, "properties": properties}
    size = size_of(body)
    storage_before = object_at(known.body, "properties", "storageProfile")
    network_before = object_at(known.body, "properties", "networkProfile")
    storage = object_at(asked, "properties", "storageProfile")
    if storage:
        merged: JsonObject = {**storage_before, **storage}
        check_storage_profile(merged, size)
        full = attachment.full_storage_profile(call, merged, known.id, location, zones)
        if _system_disk(full) != _system_disk(storage_before):
            _need_deallocated(call, known, "osDisk")
            system = referred(call, _system_disk(full), DISKS, "osDisk")
            check_security(body, system.body, size)
        properties["storageProfile"] = full
    network = object_at(asked, "properties", "networkProfile")
    if network:
        attachment.check_interfaces(call, network, known.id, location)
        if _interfaces(network) != _interfaces(network_before):
            _need_deallocated(call, known, "networkProfile")
        properties["networkProfile"] = network
    with_tags_and_identity(body, asked, known.id.text, call.principal.tenant_id)
    _check_identities(body)
    properties["provisioningState"] = "Updating"
    stored = _keep(call, body, storage_before, network_before)
    return _accepted(call, stored, 200, powered=False)


def delete_machine(call: ArmCall) -> Response:
    """Delete a machine; its disks and interfaces go or stay by their deleteOption."""
    if call.query("forceDeletion").lower() not in ("", "true", "false"):
        raise errors.invalid("forceDeletion", "forceDeletion must be true or false.")
    return delete_later(call)


class MachineCleaner:
    """What happens to disks and interfaces when their machine goes, whichever way."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def __call__(self, tx: Transaction, resource_id: ResourceId, body: JsonObject) -> None:
        resources = self._lab.resources
        machine_power.forget(tx, resource_id.text)
        for entry in entries(object_at(body, "properties", "storageProfile")):
            disk_id = parse(text_at(entry, "managedDisk", "id"))
            attachment.set_disk_owner(resources, tx, disk_id, None)
            if text_at(entry, "deleteOption") == "Delete":
                resources.remove(tx, disk_id)
        for one in objects_at(body, "properties", "networkProfile", "networkInterfaces"):
            nic_id = text_at(one, "id")
            attachment.set_interface_owner(resources, tx, nic_id, None, primary=False)
            if text_at(one, "properties", "deleteOption").lower() == "delete":
                resources.remove(tx, parse(nic_id))


class MachineOperations:
    """The ends of the operations on machines."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def register(self) -> None:
        """Make them known to the lab."""
        self._lab.operations.register(CREATED, self.created)

    def created(self, tx: Transaction, arguments: JsonObject) -> JsonValue:
        """The machine is there, and runs."""
        machine_id = parse(text_at(arguments, "id"))
        self._lab.resources.set_provisioning_state(tx, machine_id, "Succeeded")
        if arguments.get("powered") is True:
            machine_power.set_power(tx, machine_id.text, machine_power.RUNNING)
        return self._lab.resources.body(tx, machine_id)


def _keep(
    call: ArmCall, body: JsonObject, storage_before: JsonObject, network_before: JsonObject
) -> JsonObject:
    """Store a machine and write on its disks and interfaces that it has them."""
    resources = call.lab.resources
    stored = resources.put(call.tx, call.id, body)
    machine_id = parse(text_at(stored, "id"))
    storage = object_at(stored, "properties", "storageProfile")
    network = object_at(stored, "properties", "networkProfile")
    attachment.move_disks(resources, call.tx, machine_id, storage_before, storage)
    attachment.move_interfaces(resources, call.tx, machine_id, network_before, network)
    return stored


def _accepted(call: ArmCall, stored: JsonObject, status: int, *, powered: bool) -> Response:
    headers = call.start_operation(
        complete=CREATED,
        arguments={"id": text_at(stored, "id"), "powered": powered},
        location=location_of(stored),
    )
    return json_response(status, stored, headers)


def _need_deallocated(call: ArmCall, machine: Record, member: str) -> None:
    if machine_power.is_allocated(call.tx, machine.id.text):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Changing '{member}' of the virtual machine {machine.id.name} needs it to be "
            "deallocated.",
            target=member,
        )


def _system_disk(storage: JsonObject) -> str:
    return text_at(storage, "osDisk", "managedDisk", "id").lower()


def _interfaces(network: JsonObject) -> set[str]:
    return {text_at(one, "id").lower() for one in objects_at(network, "networkInterfaces")}


def _check_availability_set(call: ArmCall, asked: JsonObject, location: str) -> None:
    text = text_at(asked, "properties", "availabilitySet", "id")
    if not text:
        return
    if texts_at(asked, "zones"):
        raise errors.invalid("zones", "A machine in an availability set cannot be in a zone.")
    found = referred(call, text, AVAILABILITY_SETS, "availabilitySet.id")
    if location_of(found.body) != location:
        raise errors.invalid("availabilitySet.id", "The availability set is in another location.")


def _check_identities(body: JsonObject) -> None:
    for name in object_at(body, "identity", "userAssignedIdentities"):
        referred_id(name, IDENTITIES, "identity.userAssignedIdentities")
