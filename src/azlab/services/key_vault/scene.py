"""The section `keyVaults` of a scene.

Each entry: `subscription` (id), `group`, `name`, `location`; and if wanted `rbac` (roles decide
instead of access policies; true), `purgeProtection`, `retentionDays` (90), `keys` (names), `tags`.
"""

import uuid

from azlab.core.json_types import (
    JsonObject,
    WrongShape,
    flag_at,
    integer_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.key_vault import rsa_keys, state
from azlab.services.key_vault.vaults import TYPE, make_vault

SECTIONS = ("keyVaults",)
_OPERATIONS = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    """Make the vaults and their keys."""
    for entry in objects_at(scene, "keyVaults"):
        _vault(lab, tx, entry)


def _vault(lab: Lab, tx: Transaction, entry: JsonObject) -> None:
    name = text_at(entry, "name")
    if state.vault_id(tx, name) is not None:
        raise WrongShape(f"There are two key vaults named '{name}'.")
    namespace, kind = TYPE.split("/")
    subscription, group = text_at(entry, "subscription"), text_at(entry, "group")
    vault_id = ResourceId(subscription, group, namespace, (kind,), (name,))
    properties: JsonObject = {
        "tenantId": text_at(next(iter(dict(tx.list("tenant")).values())), "id"),
        "sku": {"family": "A", "name": "standard"},
        "accessPolicies": [],
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": integer_at(entry, "retentionDays") or 90,
        "enableRbacAuthorization": flag_at(entry, "rbac") is not False,
        "publicNetworkAccess": "Enabled",
    }
    if flag_at(entry, "purgeProtection"):
        properties["enablePurgeProtection"] = True
    location = text_at(entry, "location")
    make_vault(lab, tx, vault_id, location, properties, entry.get("tags"))
    now = lab.clock.now()
    for key in texts_at(entry, "keys"):
        version = state.Version(
            uuid.uuid4().hex, rsa_keys.generate(rsa_keys.SIZES[0]), _OPERATIONS, True, now, now
        )
        state.put_key(tx, state.Key(name.lower(), key, (version,)))
