"""The operations on an account as a whole."""

from azlab.services.storage_blob import dispatch
from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.operations import list_blobs, service_calls
from azlab.services.storage_blob.operations.batch import batch
from azlab.services.storage_blob.operations.blob_table import DELETE_BLOB, SET_TIER
from azlab.services.storage_blob.operations.entry import LIST_PAGE, operation
from azlab.services.storage_blob.request import BlobResponse
from azlab.services.storage_blob.service import Call, Level

_LEVELS: tuple[Level, ...] = ("service", "container", "blob")
_ACCOUNT = {"restype": "account", "comp": "properties"}
_SERVICE = {"restype": "service", "comp": "properties"}
_PARTS = {("DELETE", ""): DELETE_BLOB, ("PUT", "tier"): SET_TIER}


def _batch(call: Call) -> BlobResponse:
    return batch(call, _PARTS, dispatch.answer)


OPERATIONS = (
    operation(
        "ListContainers",
        "GET",
        "service",
        list_blobs.list_containers,
        needs.LIST_CONTAINERS,
        {"comp": "list"},
        parameters=LIST_PAGE,
    ),
    *(
        operation(
            "GetAccountInfo",
            method,
            level,
            service_calls.get_account_info,
            needs.ACCOUNT_INFO,
            _ACCOUNT,
        )
        for method in ("GET", "HEAD")
        for level in _LEVELS
    ),
    operation(
        "GetBlobServiceProperties",
        "GET",
        "service",
        service_calls.get_service_properties,
        needs.READ_SERVICE,
        _SERVICE,
    ),
    operation(
        "SetBlobServiceProperties",
        "PUT",
        "service",
        service_calls.set_service_properties,
        needs.WRITE_SERVICE,
        _SERVICE,
        note="of the switches only soft delete can be on",
    ),
    operation(
        "GetUserDelegationKey",
        "POST",
        "service",
        service_calls.get_user_delegation_key,
        needs.DELEGATION_KEY,
        {"restype": "service", "comp": "userdelegationkey"},
    ),
    operation("BlobBatch", "POST", "service", _batch, needs.BATCH, {"comp": "batch"}),
    operation(
        "BlobBatch",
        "POST",
        "container",
        _batch,
        needs.BATCH,
        {"restype": "container", "comp": "batch"},
    ),
)
