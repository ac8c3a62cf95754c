"""Virtual machines: inventory, state, life and death. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text


def list_machines(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The machines of a subscription, without their power state."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines")


def statuses(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The machines with ``properties.instanceView``, in one list call."""
    return arm.list(
        f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines",
        {"statusOnly": "true"},
    )


def get(arm: ArmClient, machine_id: str) -> JsonObject:
    """One machine. Raises ``Gone``."""
    return arm.get(machine_id)


def find(arm: ArmClient, machine_id: str) -> JsonObject | None:
    """One machine, or ``None``."""
    return arm.find(machine_id)


def instance_view(arm: ArmClient, machine_id: str) -> JsonObject:
    """What the machine is doing. Raises ``Gone``."""
    return arm.get(f"{machine_id}/instanceView")


def power_state(view: JsonObject) -> str:
    """``running``, ``deallocated``, … of an instance view; empty when it is unknown."""
    for status in as_list(view.get("statuses")):
        code = as_text(as_object(status).get("code"))
        if code.lower().startswith("powerstate/"):
            return code.partition("/")[2].lower()
    return ""


def create(arm: ArmClient, machine_id: str, body: JsonObject) -> JsonObject:
    """Create the machine (or bring it to this shape) and wait for it. Idempotent."""
    return arm.put(machine_id, body)


def start(arm: ArmClient, machine_id: str) -> None:
    """Switch it on and wait; a running one stays as it is."""
    arm.post(f"{machine_id}/start")


def deallocate(arm: ArmClient, machine_id: str) -> None:
    """Switch it off, give its hardware back, and wait."""
    arm.post(f"{machine_id}/deallocate")


def delete(arm: ArmClient, machine_id: str) -> None:
    """Delete it and wait; a missing one is fine. Disks and interfaces follow their own
    ``deleteOption``."""
    arm.delete(machine_id)
