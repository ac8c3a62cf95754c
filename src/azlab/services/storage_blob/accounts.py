"""What the data plane must know of a storage account; ARM owns the account itself."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from azlab.services.storage_blob.store.records import Retention


@dataclass(frozen=True)
class Firewall:
    """Who may come over the network at all. `ranges` are addresses or networks in CIDR form."""

    closed: bool = False
    allows_by_default: bool = True
    ranges: tuple[str, ...] = ()

    def admits(self, client_ip: str) -> bool:
        if self.closed or self.allows_by_default:
            return not self.closed
        address = ip_address(client_ip)
        return any(address in ip_network(one, strict=False) for one in self.ranges)


@dataclass(frozen=True)
class Account:
    """`arm_id` is the scope below which role assignments count."""

    name: str
    arm_id: str
    tenant_id: str
    keys: tuple[bytes, ...]
    allows_shared_key: bool
    sku: str
    kind: str
    default_tier: str
    immutable_versions: bool = False
    """Every new container gets immutable versions."""
    default_retention: Retention | None = None
    firewall: Firewall = Firewall()
    allows_public_access: bool = False
    """Whether a container may be opened to readers without any credential."""

    def container_scope(self, container: str) -> str:
        return f"{self.arm_id}/blobServices/default/containers/{container}"


FindAccount = Callable[[str], Account | None]
"""By name; None when there is no such account."""
