"""Containers in ARM: the same containers as in the data plane, seen as resources."""

from dataclasses import replace

from azlab.core.arm import ArmCall, ArmError
from azlab.core.clock import iso
from azlab.core.errors import not_simulated
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, flag_at, object_at, string_map_at, text_at
from azlab.core.members import Shape, check_members
from azlab.core.resource_ids import ResourceId
from azlab.services.storage.blob_services import account_of
from azlab.services.storage_blob import lease_state, names
from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.service import BlobService
from azlab.services.storage_blob.store import containers
from azlab.services.storage_blob.store.records import Container

TYPE = "Microsoft.Storage/storageAccounts/blobServices/containers"
_NO_SCOPE = "$account-encryption-key"
_SHAPE: Shape = {
    "id": None,
    "name": None,
    "type": None,
    "etag": None,
    "properties": {
        "defaultEncryptionScope": None,
        "denyEncryptionScopeOverride": None,
        "enableNfsV3AllSquash": None,
        "enableNfsV3RootSquash": None,
        "immutableStorageWithVersioning": {"enabled": None},
        "metadata": None,
        "publicAccess": None,
    },
}


class Containers:
    """Handlers for all verbs."""

    def __init__(self, service: BlobService) -> None:
        self._database = service.database

    def put(self, call: ArmCall) -> Response:
        """201 for a new container, 200 for one that is there and now has this metadata."""
        account_id = account_of(call)
        metadata = _asked_metadata(call.json())
        try:
            names.check_container(call.id.name)
        except StorageError as error:
            raise ArmError(400, "ContainerInvalidArgument", error.text) from error
        now = call.lab.clock.now()
        with self._database.transaction() as tx:
            known = containers.find(tx, account_id.name, call.id.name)
            if known is None:
                found = containers.create(tx, account_id.name, call.id.name, metadata or {}, now)
            else:
                found = _with_metadata(known, metadata)
                found = containers.touch(tx, found, now)
        return json_response(201 if known is None else 200, _shown(call, account_id, found))

    def patch(self, call: ArmCall) -> Response:
        account_id = account_of(call)
        metadata = _asked_metadata(call.json())
        with self._database.transaction() as tx:
            known = containers.find(tx, account_id.name, call.id.name)
            if known is None:
                raise _not_found()
            changed = _with_metadata(known, metadata)
            found = containers.touch(tx, changed, call.lab.clock.now())
        return json_response(200, _shown(call, account_id, found))

    def get(self, call: ArmCall) -> Response:
        account_id = account_of(call)
        with self._database.transaction() as tx:
            found = containers.find(tx, account_id.name, call.id.name)
        if found is None:
            raise _not_found()
        return json_response(200, _shown(call, account_id, found))

    def list(self, call: ArmCall) -> Response:
        account_id = account_of(call)
        with self._database.transaction() as tx:
            found = containers.listed(tx, account_id.name)
        return call.page(_shown(call, account_id, one) for one in found)

    def delete(self, call: ArmCall) -> Response:
        """200, or 204 when there is nothing; 409 while it is leased."""
        account_id = account_of(call)
        with self._database.transaction() as tx:
            found = containers.find(tx, account_id.name, call.id.name)
            if found is None:
                return Response(204)
            if lease_state.is_locked(found.lease, call.lab.clock.now()):
                raise ArmError(
                    409,
                    "ContainerOperationFailure",
                    "There is currently a lease on the container and no lease ID was specified.",
                )
            containers.delete(tx, account_id.name, call.id.name)
        return Response(200)


def _not_found() -> ArmError:
    return ArmError(404, "ContainerNotFound", "The specified container does not exist.")


def _with_metadata(container: Container, metadata: dict[str, str] | None) -> Container:
    return container if metadata is None else replace(container, metadata=metadata)


def _asked_metadata(asked: JsonObject) -> dict[str, str] | None:
    """Refuses what the lab does not do; None when the metadata is to stay."""
    check_members(asked, _SHAPE)
    properties = object_at(asked, "properties")
    if text_at(properties, "publicAccess") not in ("", "None"):
        raise ArmError(
            409,
            "PublicAccessNotPermitted",
            "Public access is not permitted on this storage account.",
        )
    if flag_at(properties, "immutableStorageWithVersioning", "enabled"):
        raise not_simulated("The lab does not simulate immutability of containers.")
    if text_at(properties, "defaultEncryptionScope") not in ("", _NO_SCOPE) or flag_at(
        properties, "denyEncryptionScopeOverride"
    ):
        raise not_simulated("The lab does not simulate encryption scopes.")
    for name in ("enableNfsV3AllSquash", "enableNfsV3RootSquash"):
        if flag_at(properties, name):
            raise not_simulated(f"The lab does not simulate {name}.")
    if properties.get("metadata") is None:
        return None
    return string_map_at(properties, "metadata")


def _shown(call: ArmCall, account_id: ResourceId, container: Container) -> JsonObject:
    now = call.lab.clock.now()
    state = lease_state.state(container.lease, now)
    metadata: dict[str, JsonValue] = {**container.metadata}
    properties: JsonObject = {
        "defaultEncryptionScope": _NO_SCOPE,
        "deleted": False,
        "denyEncryptionScopeOverride": False,
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
        "lastModifiedTime": iso(container.modified_at),
        "leaseState": state.value.capitalize(),
        "leaseStatus": "Locked" if lease_state.is_locked(container.lease, now) else "Unlocked",
        "metadata": metadata,
        "publicAccess": "None",
        "remainingRetentionDays": 0,
    }
    container_id = account_id.child("blobServices", "default").child("containers", container.name)
    return {
        "id": container_id.text,
        "name": container.name,
        "type": TYPE,
        "etag": f'"{container.etag}"',
        "properties": properties,
    }
