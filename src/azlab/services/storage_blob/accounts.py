"""What the data plane must know of a storage account; ARM owns the account itself."""

from collections.abc import Callable
from dataclasses import dataclass

from azlab.services.storage_blob.store.records import Retention


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

    def container_scope(self, container: str) -> str:
        return f"{self.arm_id}/blobServices/default/containers/{container}"


FindAccount = Callable[[str], Account | None]
"""By name; None when there is no such account."""
