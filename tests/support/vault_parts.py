"""A key vault of a test's own, known to the inventory."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from azure.keyvault.keys import KeyClient

from kyanite.base.json_types import as_list, as_object, as_text, dig
from support.azure_parts import AzureParts
from support.key_vaults import vault_body
from support.lab_clients import vault_keys


@dataclass(frozen=True)
class VaultOfATest:
    """A vault, and a client of Azure's own for what lies in it."""

    id: str
    """As the appliance calls it."""
    azure_id: str
    name: str
    keys: KeyClient

    def key(self, name: str = "backups") -> dict[str, object]:
        """Members of a request that name a key as the appliance lists it."""
        return {"keyVaultId": self.id, "keyVaultKeyUri": self.keys.get_key(name).id}


def make_vault(parts: AzureParts) -> VaultOfATest:
    """A vault with the key ``backups``, after the appliance has looked for it."""
    azure = parts.azure
    name = f"kv-{uuid.uuid4().hex[:12]}"
    azure_id = (
        f"/subscriptions/{azure.subscription_ids[0]}/resourceGroups/backup"
        f"/providers/Microsoft.KeyVault/vaults/{name}"
    )
    made = parts.arm(
        "PUT",
        f"{azure_id}?api-version=2023-07-01",
        vault_body(azure.tenant_id),
    ).json()
    keys = vault_keys(azure, as_text(dig(as_object(made), "properties", "vaultUri")))
    keys.create_rsa_key("backups")
    page = parts.get("/cloudInfrastructure/keyVaults", SearchPattern=name, Sync="true")
    (listed,) = map(as_object, as_list(page["results"]))
    return VaultOfATest(as_text(listed["id"]), azure_id, name, keys)
