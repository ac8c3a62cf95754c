"""The section `storageAccounts` of a scene.

Each entry: `subscription` (id), `group`, `name`, `location`; and if wanted `sku` (Standard_LRS),
`kind` (StorageV2), `accessTier` (Hot), `allowSharedKeyAccess`, `tags`, `containers` (names),
`versioning` (keep versions), `immutableVersions` (versions, and every container has immutable
ones) with `defaultRetention` ({days, locked}), `immutableContainers` (names of containers with
immutable versions; they switch versions on), `blobRetentionDays` and `containerRetentionDays`
(soft delete), `allowBlobPublicAccess`, `networkAcls` (as in ARM). The account is there and usable
at once.
"""

from azlab.core.errors import ArmError
from azlab.core.json_types import (
    JsonObject,
    WrongShape,
    flag_at,
    integer_at,
    make_object_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.storage import account_body, account_worm, directory
from azlab.services.storage.open_database import open_database
from azlab.services.storage_blob import names
from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.store import accounts, containers
from azlab.services.storage_blob.store.records import ServiceSettings, Worm

SECTIONS = ("storageAccounts",)
_MEMBERS = frozenset(
    (
        *("subscription", "group", "name", "location", "sku", "kind", "accessTier"),
        *("allowSharedKeyAccess", "tags", "containers", "versioning", "immutableVersions"),
        *("defaultRetention", "immutableContainers", "allowBlobPublicAccess", "networkAcls"),
        *("blobRetentionDays", "containerRetentionDays"),
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
            "allowBlobPublicAccess": entry.get("allowBlobPublicAccess"),
            "networkAcls": entry.get("networkAcls"),
        },
    }
    everywhere = bool(flag_at(entry, "immutableVersions"))
    if everywhere:
        make_object_at(asked, "properties")[account_worm.NAME] = {"enabled": True}
    body = account_body.created(lab, name, asked)
    _set_default(body, object_at(entry, "defaultRetention"))
    make_object_at(body, "properties")["provisioningState"] = "Succeeded"
    lab.resources.put(tx, account_id, body)
    directory.put(tx, account_id)
    now = lab.clock.now()
    immutable = texts_at(entry, "immutableContainers")
    versioning = everywhere or bool(immutable) or bool(flag_at(entry, "versioning"))
    with open_database(lab).transaction() as blobs:
        settings = ServiceSettings(
            versioning=versioning,
            blob_days=integer_at(entry, "blobRetentionDays"),
            container_days=integer_at(entry, "containerRetentionDays"),
        )
        accounts.set_settings(blobs, name, settings)
        for container in (*texts_at(entry, "containers"), *immutable):
            names.check_container(container)
            worm = Worm(versions_since=now if everywhere or container in immutable else None)
            containers.create(blobs, name, container, {}, now, worm=worm)


def _set_default(body: JsonObject, retention: JsonObject) -> None:
    if retention:
        asked: JsonObject = {
            "immutabilityPeriodSinceCreationInDays": integer_at(retention, "days"),
            "state": "Unlocked",
        }
        policy: JsonObject = {"properties": {account_worm.NAME: {"immutabilityPolicy": asked}}}
        account_worm.change(body, policy)
        if flag_at(retention, "locked"):
            asked["state"] = "Locked"
            account_worm.change(body, policy)
