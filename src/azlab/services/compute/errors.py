"""The errors of Microsoft.Compute, with the codes and texts of the real service."""

from __future__ import annotations

from azlab.core.errors import ArmError


def disk_attached(disk_name: str, machine_id: str) -> ArmError:
    """The disk cannot be deleted or handed out while a machine has it."""
    return ArmError(409, "OperationNotAllowed", f"Disk {disk_name} is attached to VM {machine_id}.")


def live_access(kind: str, name: str) -> ArmError:
    """Somebody holds a SAS."""
    return ArmError(
        409,
        "OperationNotAllowed",
        f"There is an active shared access signature outstanding for {kind} {name}. Call "
        "EndGetAccess before attaching or deleting the disk, or granting access again.",
    )


def attached_to_running(disk_name: str, machine_id: str) -> ArmError:
    """A disk in use cannot be read by SAS."""
    return ArmError(
        409,
        "OperationNotAllowed",
        f"Access not permitted because disk {disk_name} is currently attached to running VM "
        f"{machine_id}.",
    )


def bad_disk_state(disk_name: str, state: str, wanted: str) -> ArmError:
    """The state of a disk forbids what was asked."""
    return ArmError(
        409,
        "OperationNotAllowed",
        f"The disk {disk_name} is in the state {state}; this operation needs {wanted}.",
    )


def invalid_vhd(name: str) -> ArmError:
    """An upload ended without the footer of a fixed VHD."""
    return ArmError(
        400,
        "InvalidVhd",
        f"The specified cookie value in VHD footer indicates that disk 'abcd' of {name} is not "
        "a supported VHD. Disk is expected to have cookie value 'conectix' and its own size.",
    )


def property_change_not_allowed(name: str) -> ArmError:
    """A member that is fixed once the resource exists."""
    return ArmError(
        409,
        "PropertyChangeNotAllowed",
        f"Changing property '{name}' is not allowed.",
        target=name,
    )


def invalid(name: str, message: str) -> ArmError:
    """A member with a value that the service refuses."""
    return ArmError(400, "InvalidParameter", message, target=name)


def required(name: str) -> ArmError:
    """A member that must be there."""
    return ArmError(
        400, "InvalidParameter", f"Required parameter '{name}' is missing (null).", target=name
    )


def unsupported(what: str) -> ArmError:
    """Azure can do it, the lab cannot; said aloud."""
    return ArmError(501, "NotImplemented", f"The lab does not do this: {what}.")
