"""Containers in ARM: the same containers as in the data plane, seen as resources."""

from dataclasses import replace
from datetime import datetime

from azlab.core.arm import ArmCall, ArmError
from azlab.core.errors import invalid_parameter, not_simulated
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, flag_at, object_at, string_map_at, text_at
from azlab.core.members import Shape, check_members
from azlab.core.resource_ids import ResourceId
from azlab.services.storage import account_worm, container_body
from azlab.services.storage.blob_services import account_of
from azlab.services.storage_blob import lease_state, names
from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.service import BlobService
from azlab.services.storage_blob.store import accounts, containers, generations
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Container, Worm

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
        asked = call.json()
        metadata = _asked_metadata(asked)
        public = _asked_public_access(call, account_id)
        immutable = flag_at(asked, "properties", "immutableStorageWithVersioning", "enabled")
        try:
            names.check_container(call.id.name)
        except StorageError as error:
            raise ArmError(400, "ContainerInvalidArgument", error.text) from error
        now = call.lab.clock.now()
        account = call.lab.resources.body(call.tx, account_id) or {}
        with self._database.transaction() as tx:
            known = containers.find(tx, account_id.name, call.id.name)
            if known is None:
                worm = _new_worm(tx, account_id.name, account, immutable, now)
                found = containers.create(
                    tx,
                    account_id.name,
                    call.id.name,
                    metadata or {},
                    now,
                    worm=worm,
                    public_access=public or "",
                )
            else:
                _check_not_switched(known, immutable)
                found = _changed(known, metadata, public)
                found = containers.touch(tx, found, now)
        return json_response(
            201 if known is None else 200, container_body.shown(call, account_id, found)
        )

    def patch(self, call: ArmCall) -> Response:
        account_id = account_of(call)
        asked = call.json()
        metadata = _asked_metadata(asked)
        public = _asked_public_access(call, account_id)
        immutable = flag_at(asked, "properties", "immutableStorageWithVersioning", "enabled")
        with self._database.transaction() as tx:
            known = containers.find(tx, account_id.name, call.id.name)
            if known is None:
                raise not_found()
            _check_not_switched(known, immutable)
            changed = _changed(known, metadata, public)
            found = containers.touch(tx, changed, call.lab.clock.now())
        return json_response(200, container_body.shown(call, account_id, found))

    def get(self, call: ArmCall) -> Response:
        account_id = account_of(call)
        with self._database.transaction() as tx:
            found = containers.find(tx, account_id.name, call.id.name)
        if found is None:
            raise not_found()
        return json_response(200, container_body.shown(call, account_id, found))

    def list(self, call: ArmCall) -> Response:
        """`$include=deleted` shows the soft-deleted ones too."""
        account_id = account_of(call)
        include = call.query("$include")
        if include not in ("", "deleted"):
            raise invalid_parameter("$include", f"'{include}' is not known; 'deleted' is.")
        with self._database.transaction() as tx:
            containers.purge(tx, account_id.name, call.lab.clock.now())
            found = containers.listed(tx, account_id.name, deleted=bool(include))
        return call.page(container_body.shown(call, account_id, one) for one in found)

    def delete(self, call: ArmCall) -> Response:
        """200, or 204 when there is nothing; 409 while it is leased or write-once and not empty."""
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
            now = call.lab.clock.now()
            generations.purge(tx, account_id.name, found.name, now)
            _check_may_go(found, containers.has_blobs(tx, account_id.name, found.name))
            containers.retire(tx, found, now)
        return Response(200)


def not_found() -> ArmError:
    return ArmError(404, "ContainerNotFound", "The specified container does not exist.")


def _new_worm(
    tx: Transaction, name: str, account: JsonObject, immutable: bool | None, now: datetime
) -> Worm:
    if not account_worm.is_enabled(account):
        if not immutable:
            return Worm()
        if not accounts.settings(tx, name).versioning:
            raise ArmError(
                409,
                "BlobVersioningNotEnabled",
                "Immutable storage with versioning needs blob versioning to be enabled for the "
                "storage account.",
            )
    return Worm(versions_since=now)


def _check_not_switched(container: Container, immutable: bool | None) -> None:
    if immutable is not None and immutable != (container.worm.versions_since is not None):
        raise ArmError(
            409,
            "ContainerOperationFailure",
            "Immutable storage with versioning of an existing container is enabled by migrating "
            "it, and never disabled.",
        )


def _check_may_go(container: Container, has_blobs: bool) -> None:
    """Source: the tables of scenarios for version-level and container-level policies."""
    reason = ""
    if container.worm.holds:
        reason = "LegalHold"
    elif has_blobs and container.worm.versions_since is not None:
        reason = "ImmutableStorageWithVersioning"
    elif has_blobs and container.worm.policy is not None:
        reason = "ImmutabilityPolicy"
    if reason:
        raise ArmError(
            409,
            "ContainerProtectedFromDeletion",
            f"The storage account {container.account} container {container.name} is protected "
            f"from deletion due to {reason}.",
        )


def _changed(
    container: Container, metadata: dict[str, str] | None, public: str | None
) -> Container:
    kept = container if metadata is None else replace(container, metadata=metadata)
    return kept if public is None else replace(kept, public_access=public)


def _asked_public_access(call: ArmCall, account_id: ResourceId) -> str | None:
    """As the data plane writes it; None when it is to stay."""
    text = text_at(call.json(), "properties", "publicAccess")
    if text not in ("", "None", "Blob", "Container"):
        raise invalid_parameter("publicAccess", f"'{text}' is none of None, Blob, Container.")
    account = call.lab.resources.body(call.tx, account_id) or {}
    allowed = flag_at(account, "properties", "allowBlobPublicAccess")
    if text in ("Blob", "Container") and not allowed:
        raise ArmError(
            409,
            "PublicAccessNotPermitted",
            "Public access is not permitted on this storage account.",
        )
    return text.lower().replace("none", "") if text else None


def _asked_metadata(asked: JsonObject) -> dict[str, str] | None:
    """Refuses what the lab does not do; None when the metadata is to stay."""
    check_members(asked, _SHAPE)
    properties = object_at(asked, "properties")
    scope = text_at(properties, "defaultEncryptionScope")
    other_scope = scope not in ("", container_body.NO_SCOPE)
    if other_scope or flag_at(properties, "denyEncryptionScopeOverride"):
        raise not_simulated("The lab does not simulate encryption scopes.")
    for name in ("enableNfsV3AllSquash", "enableNfsV3RootSquash"):
        if flag_at(properties, name):
            raise not_simulated(f"The lab does not simulate {name}.")
    if properties.get("metadata") is None:
        return None
    return string_map_at(properties, "metadata")
