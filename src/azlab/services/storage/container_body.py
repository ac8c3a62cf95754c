"""The JSON of a container as ARM shows it."""

from azlab.core.arm import ArmCall
from azlab.core.clock import iso
from azlab.core.json_types import JsonObject, JsonValue
from azlab.core.resource_ids import ResourceId
from azlab.services.storage_blob import lease_state
from azlab.services.storage_blob.operations.blob_headers import quoted
from azlab.services.storage_blob.store.records import (
    Container,
    ContainerPolicy,
    HoldTag,
    PolicyUpdate,
    Worm,
)

TYPE = "Microsoft.Storage/storageAccounts/blobServices/containers"
NO_SCOPE = "$account-encryption-key"


def shown(call: ArmCall, account_id: ResourceId, container: Container) -> JsonObject:
    worm = container.worm
    now = call.lab.clock.now()
    state = lease_state.state(container.lease, now)
    metadata: dict[str, JsonValue] = {**container.metadata}
    properties: JsonObject = {
        "defaultEncryptionScope": NO_SCOPE,
        "deleted": container.deleted is not None,
        "denyEncryptionScopeOverride": False,
        "hasImmutabilityPolicy": worm.policy is not None,
        "hasLegalHold": bool(worm.holds),
        "immutableStorageWithVersioning": _versions(worm),
        "legalHold": legal_hold(worm),
        "lastModifiedTime": iso(container.modified_at),
        "leaseState": state.value.capitalize(),
        "leaseStatus": "Locked" if lease_state.is_locked(container.lease, now) else "Unlocked",
        "metadata": metadata,
        "publicAccess": container.public_access.capitalize() or "None",
        "remainingRetentionDays": 0,
    }
    if container.deleted is not None:
        left = container.deleted.until - now
        properties["deletedTime"] = iso(container.deleted.at)
        properties["remainingRetentionDays"] = max(0, left.days)
        properties["version"] = container.version
    if worm.policy is not None:
        history: list[JsonValue] = [_update(one) for one in worm.policy.history]
        properties["immutabilityPolicy"] = {
            "etag": quoted(worm.policy.etag),
            "properties": policy_properties(worm.policy),
            "updateHistory": history,
        }
    container_id = account_id.child("blobServices", "default").child("containers", container.name)
    return {
        "id": container_id.text,
        "name": container.name,
        "type": TYPE,
        "etag": f'"{container.etag}"',
        "properties": properties,
    }


def _versions(worm: Worm) -> JsonObject:
    if worm.versions_since is None:
        return {"enabled": False}
    shown: JsonObject = {"enabled": True, "timeStamp": iso(worm.versions_since)}
    if worm.migrated:
        shown["migrationState"] = "Completed"
    return shown


def legal_hold(worm: Worm) -> JsonObject:
    """With who set which tag, as a container shows it."""
    tags: list[JsonValue] = [_tag(one) for one in worm.holds]
    return {"hasLegalHold": bool(worm.holds), "tags": tags}


def _tag(hold: HoldTag) -> JsonObject:
    return {
        "tag": hold.tag,
        "timestamp": iso(hold.at),
        "objectIdentifier": hold.object_id,
        "tenantId": hold.tenant_id,
    }


def policy_properties(policy: ContainerPolicy | None) -> JsonObject:
    """A container without a policy shows one of no days."""
    if policy is None:
        return {"immutabilityPeriodSinceCreationInDays": 0, "state": "Unlocked"}
    properties: JsonObject = {
        "immutabilityPeriodSinceCreationInDays": policy.retention.days,
        "state": "Locked" if policy.retention.locked else "Unlocked",
    }
    if policy.append_writes is not None:
        properties["allowProtectedAppendWrites"] = policy.append_writes
    if policy.append_writes_all is not None:
        properties["allowProtectedAppendWritesAll"] = policy.append_writes_all
    return properties


def _update(update: PolicyUpdate) -> JsonObject:
    return {
        "update": update.update,
        "immutabilityPeriodSinceCreationInDays": update.days,
        "timestamp": iso(update.at),
        "objectIdentifier": update.object_id,
        "tenantId": update.tenant_id,
    }
