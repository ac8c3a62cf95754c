"""How Azure writes what it calls by name: ids of resources, regions.

Both compare without regard to case; of regions also ``West Europe`` and ``westeurope`` are one.
"""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.base.errors import Invalid


@dataclass(frozen=True)
class ArmId:
    """One resource: ``/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME[/…]``."""

    subscription_id: str
    group: str
    namespace: str
    kind: str
    """The type below the namespace; of a child ``virtualNetworks/subnets``."""
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The resource's own name (of a child, the child's)."""
        return self.names[-1]

    @classmethod
    def parse(cls, text: str) -> ArmId:
        """Read an id. Raises ``Invalid`` for anything that is not a resource's id."""
        parts = text.strip().strip("/").split("/")
        lowered = [part.lower() for part in parts]
        if (
            len(parts) < 8
            or len(parts) % 2
            or lowered[0] != "subscriptions"
            or lowered[2] != "resourcegroups"
            or lowered[4] != "providers"
            or not all(parts)
        ):
            raise Invalid(f"'{text}' is not the id of an Azure resource.")
        tail = parts[6:]
        return cls(parts[1], parts[3], parts[5], "/".join(tail[0::2]), tuple(tail[1::2]))


def group_id(subscription_id: str, group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription_id}/resourceGroups/{group}"


def arm_id(subscription_id: str, group: str, type_name: str, name: str) -> str:
    """The id of a top-level resource of a type such as ``Microsoft.Compute/disks``."""
    return f"{group_id(subscription_id, group)}/providers/{type_name}/{name}"


def id_part(text: str, segment: str) -> str:
    """The value behind ``segment`` in any id, or the empty text: ``id_part(x, "disks")``."""
    parts = text.strip("/").split("/")
    for index, part in enumerate(parts[:-1]):
        if part.lower() == segment.lower():
            return parts[index + 1]
    return ""


def region_code(name: str) -> str:
    """``West Europe`` and ``WestEurope`` as ``westeurope``."""
    return name.replace(" ", "").lower()
