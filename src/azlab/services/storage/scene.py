"""The section `storageAccounts` of a scene.

Each entry: `subscription` (id), `group`, `name`, `location`; and if wanted `sku` (Standard_LRS),
`kind` (StorageV2), `accessTier` (Hot), `allowSharedKeyAccess`, `tags`, `containers` (names).
The account is there and usable at once.
"""

from azlab.core.errors import ArmError
from azlab.core.json_types import (
    JsonObject,
    WrongShape,
    make_object_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.storage import account_body, directory
from azlab.services.storage.open_database import open_database
from azlab.services.storage_blob import names
from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.store import containers

SECTIONS = ("storageAccounts",)
_MEMBERS = frozenset(
    (
        *("subscription", "group", "name", "location", "sku", "kind", "accessTier"),
        *("allowSharedKeyAccess", "tags", "containers"),
    )
)


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    for entry in objects_at(scene, "storageAccounts"):
        if unknown := sorted(set(entry) - _MEMBERS):
            raise WrongShape(f"A storage account of a scene has no member '{unknown[0]}'.")
        try:
            _account(lab, tx, entry)
        except (ArmError, StorageError) as error:
            raise WrongShape(f"Storage account '{text_at(entry, 'name')}': {error}") from error


def _account(lab: Lab, tx: Transaction, entry: JsonObject) -> None:
    name = text_at(entry, "name")
    account_body.check_name(name)
    if directory.find(tx, name) is not None:
        raise WrongShape(f"There are two storage accounts named '{name}'.")
    subscription, group = text_at(entry, "subscription"), text_at(entry, "group")
    if not subscription or not group:
        raise WrongShape(f"The storage account '{name}' needs a subscription and a group.")
    account_id = ResourceId(subscription, group, "Microsoft.Storage", ("storageAccounts",), (name,))
    asked: JsonObject = {
        "location": entry.get("location"),
        "kind": entry.get("kind") or "StorageV2",
        "sku": {"name": entry.get("sku") or "Standard_LRS"},
        "tags": entry.get("tags"),
        "properties": {
            "accessTier": entry.get("accessTier"),
            "allowSharedKeyAccess": entry.get("allowSharedKeyAccess"),
        },
    }
    body = account_body.created(lab, name, asked)
    make_object_at(body, "properties")["provisioningState"] = "Succeeded"
    lab.resources.put(tx, account_id, body)
    directory.put(tx, account_id)
    with open_database(lab).transaction() as blobs:
        for container in texts_at(entry, "containers"):
            names.check_container(container)
            containers.create(blobs, name, container, {}, lab.clock.now())
