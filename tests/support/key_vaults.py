"""A key vault whose keys its owner may use for everything."""

from __future__ import annotations

from typing import Any

OWNER_OBJECT = "7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a01"
"""Object id of the owner's application in the small scene."""


def vault_body(tenant_id: str, **properties: object) -> dict[str, Any]:
    """What makes it, by access policies; ``properties`` are added or put in their place."""
    permissions = {"keys": ["all"]}
    return {
        "location": "westeurope",
        "properties": {
            "tenantId": tenant_id,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": False,
            "accessPolicies": [
                {"tenantId": tenant_id, "objectId": OWNER_OBJECT, "permissions": permissions}
            ],
            **properties,
        },
    }
