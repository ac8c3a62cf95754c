"""`blobServices/default` of an account: the switches of its blob service."""

from dataclasses import replace

from azlab.core.arm import ArmCall, ArmError
from azlab.core.errors import invalid_parameter, not_simulated
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    flag_at,
    integer_at,
    list_at,
    object_at,
    text_at,
)
from azlab.core.members import Shape, check_members
from azlab.core.resource_ids import ResourceId
from azlab.services.storage import account_worm
from azlab.services.storage_blob.operations.service_calls import MAX_RETENTION_DAYS
from azlab.services.storage_blob.service import BlobService
from azlab.services.storage_blob.store import accounts, containers
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import ServiceSettings
from azlab.services.storage_blob.strict import VERSIONS

TYPE = "Microsoft.Storage/storageAccounts/blobServices"
_POLICIES = ("changeFeed", "restorePolicy", "lastAccessTimeTrackingPolicy")
_RETENTION: Shape = {"enabled": None, "days": None, "allowPermanentDelete": None}
_SHAPE: Shape = {
    "id": None,
    "name": None,
    "type": None,
    "sku": None,
    "properties": {
        "automaticSnapshotPolicyEnabled": None,
        "isVersioningEnabled": None,
        "defaultServiceVersion": None,
        "cors": {"corsRules": None},
        "staticWebsite": None,
        "deleteRetentionPolicy": _RETENTION,
        "containerDeleteRetentionPolicy": _RETENTION,
        **dict.fromkeys(_POLICIES),
    },
}


def account_of(call: ArmCall) -> ResourceId:
    """The account above this call's id. 404 when it is missing, or the service is not `default`."""
    account_id = call.id
    while len(account_id.names) > 1:
        account_id = account_id.parent
    found = call.lab.resources.find(call.tx, account_id)
    if found is None:
        raise ArmError(
            404,
            "ResourceNotFound",
            f"The Resource 'Microsoft.Storage/storageAccounts/{account_id.name}' under resource "
            f"group '{account_id.group}' was not found.",
        )
    if len(call.id.names) > 1 and call.id.names[1].lower() != "default":
        raise ArmError(400, "InvalidResourceName", "The only blob service is named 'default'.")
    return found.id


class BlobServices:
    """Handlers for GET, PUT and list."""

    def __init__(self, service: BlobService) -> None:
        self._service = service

    def get(self, call: ArmCall) -> Response:
        return json_response(200, self._shown(call, account_of(call)))

    def list(self, call: ArmCall) -> Response:
        return call.page([self._shown(call, account_of(call))])

    def put(self, call: ArmCall) -> Response:
        """Versions and soft delete can be switched; the rest is taken in its position "off" only.

        What the body leaves out stays as it is.
        """
        account_id = account_of(call)
        asked = call.json()
        check_members(asked, _SHAPE)
        properties = object_at(asked, "properties")
        if flag_at(properties, "automaticSnapshotPolicyEnabled"):
            raise not_simulated("The lab does not simulate automaticSnapshotPolicyEnabled.")
        for name in _POLICIES:
            if flag_at(properties, name, "enabled") or flag_at(properties, name, "enable"):
                raise not_simulated(f"The lab does not simulate {name}.")
        if list_at(properties, "cors", "corsRules") or flag_at(
            properties, "staticWebsite", "enabled"
        ):
            raise not_simulated("The lab does not simulate browsers' access to blobs.")
        version = text_at(properties, "defaultServiceVersion")
        if version and version not in VERSIONS:
            raise invalid_parameter("defaultServiceVersion", f"The version '{version}' is unknown.")
        with self._service.database.transaction() as tx:
            if version:
                kept = f"<DefaultServiceVersion>{version}</DefaultServiceVersion>"
                accounts.set_service_properties(tx, account_id.name, kept)
            settings = _asked_settings(properties, accounts.settings(tx, account_id.name))
            if not settings.versioning:
                _check_versions_may_stop(call, tx, account_id)
            accounts.set_settings(tx, account_id.name, settings)
        return json_response(200, self._shown(call, account_id))

    def _shown(self, call: ArmCall, account_id: ResourceId) -> JsonObject:
        service_id = account_id.child("blobServices", "default")
        body = call.lab.resources.body(call.tx, account_id) or {}
        with self._service.database.transaction() as tx:
            settings = accounts.settings(tx, account_id.name)
        properties: JsonObject = {
            "cors": {"corsRules": []},
            "deleteRetentionPolicy": {
                **_retention(settings.blob_days),
                "allowPermanentDelete": settings.permanent_delete,
            },
            "containerDeleteRetentionPolicy": _retention(settings.container_days),
            "isVersioningEnabled": settings.versioning,
            "changeFeed": {"enabled": False},
            "restorePolicy": {"enabled": False},
        }
        return {
            "id": service_id.text,
            "name": "default",
            "type": TYPE,
            "sku": object_at(body, "sku"),
            "properties": properties,
        }


def _check_versions_may_stop(call: ArmCall, tx: Transaction, account_id: ResourceId) -> None:
    """Immutable versions need versions."""
    body = call.lab.resources.body(call.tx, account_id) or {}
    found = containers.listed(tx, account_id.name, deleted=True)
    if account_worm.is_enabled(body) or any(one.worm.versions_since for one in found):
        raise ArmError(
            409,
            "ConflictFeatureEnabled",
            "Blob versioning cannot be disabled while immutable storage with versioning is "
            "enabled on the account or on one of its containers.",
        )


def _asked_settings(properties: JsonObject, held: ServiceSettings) -> ServiceSettings:
    versioning = flag_at(properties, "isVersioningEnabled")
    settings = held if versioning is None else replace(held, versioning=versioning)
    if properties.get("deleteRetentionPolicy") is not None:
        days = _days(properties, "deleteRetentionPolicy")
        permanent = flag_at(properties, "deleteRetentionPolicy", "allowPermanentDelete")
        settings = replace(settings, blob_days=days, permanent_delete=bool(permanent))
    if properties.get("containerDeleteRetentionPolicy") is not None:
        days = _days(properties, "containerDeleteRetentionPolicy")
        settings = replace(settings, container_days=days)
    return settings


def _days(properties: JsonObject, name: str) -> int | None:
    """None for a policy that is off."""
    if not flag_at(properties, name, "enabled"):
        return None
    days = integer_at(properties, name, "days")
    if days is None or not 1 <= days <= MAX_RETENTION_DAYS:
        raise invalid_parameter(f"{name}.days", f"It must be from 1 to {MAX_RETENTION_DAYS}.")
    return days


def _retention(days: int | None) -> JsonObject:
    return {"enabled": False} if days is None else {"enabled": True, "days": days}
