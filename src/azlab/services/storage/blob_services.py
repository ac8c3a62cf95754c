"""`blobServices/default` of an account: the switches of its blob service."""

from azlab.core.arm import ArmCall, ArmError
from azlab.core.errors import invalid_parameter, not_simulated
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, flag_at, list_at, object_at, text_at
from azlab.core.members import Shape, check_members
from azlab.core.resource_ids import ResourceId
from azlab.services.storage_blob.service import BlobService
from azlab.services.storage_blob.store import containers
from azlab.services.storage_blob.strict import VERSIONS

TYPE = "Microsoft.Storage/storageAccounts/blobServices"
_POLICIES = (
    *("deleteRetentionPolicy", "containerDeleteRetentionPolicy", "changeFeed"),
    *("restorePolicy", "lastAccessTimeTrackingPolicy"),
)
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
        """Every switch is taken in its position "off"; others are loud."""
        account_id = account_of(call)
        asked = call.json()
        check_members(asked, _SHAPE)
        properties = object_at(asked, "properties")
        for name in ("automaticSnapshotPolicyEnabled", "isVersioningEnabled"):
            if flag_at(properties, name):
                raise not_simulated(f"The lab does not simulate {name}.")
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
        if version:
            kept = f"<DefaultServiceVersion>{version}</DefaultServiceVersion>"
            with self._service.database.transaction() as tx:
                containers.set_service_properties(tx, account_id.name, kept)
        return json_response(200, self._shown(call, account_id))

    def _shown(self, call: ArmCall, account_id: ResourceId) -> JsonObject:
        service_id = account_id.child("blobServices", "default")
        body = call.lab.resources.body(call.tx, account_id) or {}
        properties: JsonObject = {
            "cors": {"corsRules": []},
            "deleteRetentionPolicy": {"enabled": False, "allowPermanentDelete": False},
            "containerDeleteRetentionPolicy": {"enabled": False},
            "isVersioningEnabled": False,
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
