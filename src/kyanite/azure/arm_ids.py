"""ARM ids: reading their parts and building them. They compare without regard to case."""

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

    @property
    def type_name(self) -> str:
        """``Microsoft.Compute/disks``."""
        return f"{self.namespace}/{self.kind}"

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

    def __str__(self) -> str:
        tail = "".join(
            f"/{kind}/{name}" for kind, name in zip(self.kind.split("/"), self.names, strict=True)
        )
        return f"{group_id(self.subscription_id, self.group)}/providers/{self.namespace}{tail}"


def group_id(subscription_id: str, group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription_id}/resourceGroups/{group}"


def resource_id(subscription_id: str, group: str, type_name: str, name: str) -> str:
    """The id of a top-level resource of a type such as ``Microsoft.Compute/disks``."""
    return f"{group_id(subscription_id, group)}/providers/{type_name}/{name}"


def same(one: str, other: str) -> bool:
    """Whether two ids name the same resource."""
    return one.strip("/").lower() == other.strip("/").lower()
