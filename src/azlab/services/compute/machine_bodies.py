"""The body of a machine: defaults, identities, and what may change when."""

from __future__ import annotations

import uuid

from azlab.core.errors import ArmError
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    object_at,
    string_map_at,
    text_at,
    texts_at,
)
from azlab.services.compute.errors import invalid, required
from azlab.services.compute.machine_sizes import MachineSize, machine_size

_NAMES = uuid.UUID("6b79616e-6974-4000-8000-00006d616368")
_KEPT_MEMBERS = (
    "additionalCapabilities",
    "applicationProfile",
    "availabilitySet",
    "billingProfile",
    "capacityReservation",
    "diagnosticsProfile",
    "evictionPolicy",
    "extensionsTimeBudget",
    "hardwareProfile",
    "host",
    "hostGroup",
    "licenseType",
    "platformFaultDomain",
    "priority",
    "proximityPlacementGroup",
    "scheduledEventsPolicy",
    "scheduledEventsProfile",
    "securityProfile",
    "userData",
    "virtualMachineScaleSet",
)
_IDENTITIES = {
    "none",
    "systemassigned",
    "userassigned",
    "systemassigned, userassigned",
    "systemassigned,userassigned",
}


def size_of(asked: JsonObject) -> MachineSize:
    """The size a body asks for."""
    name = text_at(asked, "properties", "hardwareProfile", "vmSize")
    if not name:
        raise required("vmSize")
    size = machine_size(name)
    if size is None:
        raise invalid(
            "vmSize", f"The value {name} provided for the VM size is not valid in this region."
        )
    return size


def check_no_os_profile(asked: JsonObject) -> None:
    """A machine made of existing disks has no osProfile."""
    if object_at(asked, "properties", "osProfile"):
        raise invalid("osProfile", "Parameter 'osProfile' is not allowed.")


def check_security(asked: JsonObject, disk: JsonObject, size: MachineSize) -> None:
    """The security type of machine, system disk and size agree."""
    wanted = text_at(asked, "properties", "securityProfile", "securityType").lower()
    has = text_at(disk, "properties", "securityProfile", "securityType").lower()
    standard = ("", "standard")
    if (wanted in standard) != (has in standard) or (wanted not in standard and wanted != has):
        raise ArmError(
            400,
            "BadRequest",
            "Security type of VM is not compatible with the security type of attached OS Disk.",
        )
    generation = text_at(disk, "properties", "hyperVGeneration") or "V1"
    if wanted == "trustedlaunch" and (generation != "V2" or not size.trusted_launch):
        raise ArmError(
            400,
            "BadRequest",
            "Use of TrustedLaunch setting is not supported for this size or for Generation 1.",
        )
    if generation not in size.generations.split(","):
        raise ArmError(
            400,
            "BadRequest",
            f"The selected VM size '{size.name}' cannot boot Hypervisor Generation "
            f"'{generation.removeprefix('V')}'.",
        )


def new_machine(asked: JsonObject, location: str, created: str) -> JsonObject:
    """The stored body of a new machine, without its disks and interfaces."""
    properties: JsonObject = {
        "vmId": str(uuid.uuid4()),
        "timeCreated": created,
        "provisioningState": "Creating",
        **kept_members(asked),
    }
    body: JsonObject = {"location": location, "properties": properties}
    if zones := texts_at(asked, "zones"):
        body["zones"] = [*zones]
    if plan := object_at(asked, "plan"):
        body["plan"] = plan
    return body


def kept_members(asked: JsonObject) -> JsonObject:
    """The properties that a client sets and that are kept as they are."""
    properties = object_at(asked, "properties")
    return {k: v for k, v in properties.items() if k in _KEPT_MEMBERS and v is not None}


def with_tags_and_identity(
    body: JsonObject, asked: JsonObject, machine_id: str, tenant_id: str
) -> None:
    """Put tags and identity of a request on a body."""
    if "tags" in asked:
        body["tags"] = {**string_map_at(asked, "tags")}
    identity = object_at(asked, "identity")
    if not identity:
        return
    kind = text_at(identity, "type")
    if kind.lower() not in _IDENTITIES:
        raise invalid("identity.type", f"The identity type '{kind}' does not exist.")
    if kind.lower() == "none":
        body.pop("identity", None)
        return
    filled: JsonObject = {"type": kind}
    if "systemassigned" in kind.lower():
        filled["principalId"] = _named(machine_id)
        filled["tenantId"] = tenant_id
    assigned = object_at(identity, "userAssignedIdentities")
    if assigned:
        members: dict[str, JsonValue] = {
            name: {"principalId": _named(name), "clientId": _named(f"client of {name}")}
            for name in assigned
        }
        filled["userAssignedIdentities"] = members
    elif "userassigned" in kind.lower():
        raise required("identity.userAssignedIdentities")
    body["identity"] = filled


def _named(text: str) -> str:
    return str(uuid.uuid5(_NAMES, text.lower()))
