"""The errors of Microsoft.Network, with the codes and texts of the real service."""

from __future__ import annotations

from azlab.core.errors import ArmError


def bad_reference(referred: str, referring: str) -> ArmError:
    """A resource that is pointed at does not exist here."""
    return ArmError(
        400,
        "InvalidResourceReference",
        f"Resource {referred} referenced by resource {referring} was not found. Please make sure "
        "that the referenced resource exists, and that both resources are in the same region.",
    )


def subnet_in_use(subnet_name: str, users: list[str]) -> ArmError:
    """Interfaces still have addresses in the subnet."""
    return ArmError(
        400,
        "InUseSubnetCannotBeDeleted",
        f"Subnet {subnet_name} is in use by {' and '.join(users)} and cannot be deleted. In order "
        "to delete the subnet, delete all the resources within the subnet.",
    )


def group_in_use(group_id: str, users: list[str]) -> ArmError:
    """Interfaces or subnets still point at the security group."""
    return ArmError(
        400,
        "InUseNetworkSecurityGroupCannotBeDeleted",
        f"Network security group {group_id} cannot be deleted because it is in use by the "
        f"following resources: {', '.join(users)}. In order to delete the Network security "
        "group, remove the association with the resource(s).",
    )


def address_in_use(address_id: str, user: str) -> ArmError:
    """An interface still has the public address."""
    return ArmError(
        400,
        "PublicIPAddressCannotBeDeleted",
        f"Public IP address {address_id} can not be deleted since it is still allocated to "
        f"resource {user}.",
    )


def interface_in_use(nic_id: str, machine_id: str) -> ArmError:
    """A machine still has the interface."""
    return ArmError(
        400,
        "NicInUse",
        f"Network Interface {nic_id} is used by existing resource {machine_id}. In order to "
        "delete the network interface, it must be dissociated from the resource.",
    )


def invalid(code: str, message: str) -> ArmError:
    """A request the service refuses, with its own code."""
    return ArmError(400, code, message)


def missing_member(name: str, resource: str) -> ArmError:
    """A member that must be there."""
    return ArmError(
        400,
        "InvalidRequestFormat",
        f"Cannot parse the request: the property '{name}' of resource {resource} is missing.",
        target=name,
    )
