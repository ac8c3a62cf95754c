"""Every operation of the blob service: how it is recognised, what it takes, what it needs.

What is not here is answered loudly. Headers and parameters that are not listed are refused.
"""

from collections.abc import Mapping

from azlab.services.storage_blob import dispatch
from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.access.needs import Need
from azlab.services.storage_blob.operations import (
    block_list,
    change_blob,
    container_calls,
    copy_blob,
    leases,
    list_blobs,
    put_blob,
    read_blob,
    service_calls,
)
from azlab.services.storage_blob.operations.batch import batch
from azlab.services.storage_blob.operations.blob_headers import CONTENT_HEADERS
from azlab.services.storage_blob.request import BlobResponse
from azlab.services.storage_blob.service import Call, Handler, Level, Operation

_LEASE = frozenset(("x-ms-lease-id",))
_CHECKSUM = frozenset(("x-ms-content-crc64",))
_LEASING = frozenset(
    f"x-ms-{name}"
    for name in (
        *("lease-action", "lease-id", "lease-duration", "proposed-lease-id"),
        "lease-break-period",
    )
)
_NEW_BLOB = CONTENT_HEADERS | _LEASE | _CHECKSUM | {"x-ms-access-tier", "x-ms-tags"}
_SOURCE = frozenset(
    f"x-ms-{name}"
    for name in (
        *("copy-source", "copy-source-authorization", "source-if-match", "source-if-none-match"),
        *("source-if-modified-since", "source-if-unmodified-since", "source-content-md5"),
        "source-content-crc64",
    )
)
_COPY = (
    (_NEW_BLOB - _CHECKSUM)
    | _SOURCE
    | {
        *("x-ms-blob-type", "x-ms-requires-sync", "x-ms-rehydrate-priority"),
        *("x-ms-copy-source-blob-properties", "x-ms-source-content-md5"),
    }
)
_READ = _LEASE | {
    *("x-ms-range", "x-ms-range-get-content-md5", "x-ms-range-get-content-crc64"),
}
_LIST_PAGE = frozenset(("prefix", "marker", "maxresults", "include"))


def _operation(
    name: str,
    method: str,
    level: Level,
    handler: Handler,
    need: Need,
    query: Mapping[str, str] | None = None,
    *,
    headers: frozenset[str] = frozenset(),
    parameters: frozenset[str] = frozenset(),
    selector: str = "",
    metadata: bool = False,
    conditions: bool = False,
    note: str = "",
) -> Operation:
    return Operation(
        name,
        method,
        level,
        handler,
        need,
        query or {},
        headers,
        parameters,
        selector,
        metadata,
        conditions,
        note,
    )


def _batch(call: Call) -> BlobResponse:
    return batch(call, _PARTS, dispatch.answer)


_LEVELS: tuple[Level, ...] = ("service", "container", "blob")
_ACCOUNT = {"restype": "account", "comp": "properties"}
_SERVICE = {"restype": "service", "comp": "properties"}
_CONTAINER = {"restype": "container"}

_DELETE_BLOB = _operation(
    "DeleteBlob",
    "DELETE",
    "blob",
    change_blob.delete_blob,
    needs.DELETE_BLOB,
    headers=_LEASE | {"x-ms-delete-snapshots"},
    conditions=True,
    note="no soft delete, no snapshots",
)
_SET_TIER = _operation(
    "SetBlobTier",
    "PUT",
    "blob",
    change_blob.set_blob_tier,
    needs.WRITE_BLOB,
    {"comp": "tier"},
    headers=_LEASE | {"x-ms-access-tier", "x-ms-rehydrate-priority"},
    note="rehydration ends on lab time",
)
_PARTS = {("DELETE", ""): _DELETE_BLOB, ("PUT", "tier"): _SET_TIER}

_SERVICE_LEVEL = (
    _operation(
        "ListContainers",
        "GET",
        "service",
        list_blobs.list_containers,
        needs.LIST_CONTAINERS,
        {"comp": "list"},
        parameters=_LIST_PAGE,
    ),
    *(
        _operation(
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
    _operation(
        "GetBlobServiceProperties",
        "GET",
        "service",
        service_calls.get_service_properties,
        needs.READ_SERVICE,
        _SERVICE,
    ),
    _operation(
        "SetBlobServiceProperties",
        "PUT",
        "service",
        service_calls.set_service_properties,
        needs.WRITE_SERVICE,
        _SERVICE,
        note="only values that switch nothing on",
    ),
    _operation(
        "GetUserDelegationKey",
        "POST",
        "service",
        service_calls.get_user_delegation_key,
        needs.DELEGATION_KEY,
        {"restype": "service", "comp": "userdelegationkey"},
    ),
    _operation("BlobBatch", "POST", "service", _batch, needs.BATCH, {"comp": "batch"}),
    _operation(
        "BlobBatch",
        "POST",
        "container",
        _batch,
        needs.BATCH,
        {"restype": "container", "comp": "batch"},
    ),
)

_CONTAINER_LEVEL = (
    _operation(
        "CreateContainer",
        "PUT",
        "container",
        container_calls.create_container,
        needs.CREATE_CONTAINER,
        _CONTAINER,
        metadata=True,
    ),
    *(
        _operation(
            "GetContainerProperties",
            method,
            "container",
            container_calls.get_container_properties,
            needs.READ_CONTAINER,
            _CONTAINER,
            headers=_LEASE,
        )
        for method in ("GET", "HEAD")
    ),
    *(
        _operation(
            "GetContainerMetadata",
            method,
            "container",
            container_calls.get_container_metadata,
            needs.READ_CONTAINER,
            {**_CONTAINER, "comp": "metadata"},
            headers=_LEASE,
        )
        for method in ("GET", "HEAD")
    ),
    _operation(
        "SetContainerMetadata",
        "PUT",
        "container",
        container_calls.set_container_metadata,
        needs.WRITE_CONTAINER,
        {**_CONTAINER, "comp": "metadata"},
        headers=_LEASE,
        metadata=True,
        conditions=True,
    ),
    _operation(
        "GetContainerAcl",
        "GET",
        "container",
        container_calls.get_container_acl,
        needs.KEY_HOLDERS_ONLY,
        {**_CONTAINER, "comp": "acl"},
        headers=_LEASE,
        note="stored access policies; no public access",
    ),
    _operation(
        "SetContainerAcl",
        "PUT",
        "container",
        container_calls.set_container_acl,
        needs.KEY_HOLDERS_ONLY,
        {**_CONTAINER, "comp": "acl"},
        headers=_LEASE,
        conditions=True,
        note="stored access policies; no public access",
    ),
    _operation(
        "DeleteContainer",
        "DELETE",
        "container",
        container_calls.delete_container,
        needs.DELETE_CONTAINER,
        _CONTAINER,
        headers=_LEASE,
        conditions=True,
        note="at once; the name is free again immediately",
    ),
    _operation(
        "LeaseContainer",
        "PUT",
        "container",
        leases.lease_container,
        needs.LEASE_CONTAINER,
        {**_CONTAINER, "comp": "lease"},
        headers=_LEASING,
        conditions=True,
    ),
    _operation(
        "ListBlobs",
        "GET",
        "container",
        list_blobs.list_blobs,
        needs.LIST_BLOBS,
        {**_CONTAINER, "comp": "list"},
        parameters=_LIST_PAGE | {"delimiter"},
    ),
)

_BLOB_LEVEL = (
    _operation(
        "PutBlob",
        "PUT",
        "blob",
        put_blob.put_blob,
        needs.CREATE_BLOB,
        headers=_NEW_BLOB | {"x-ms-blob-type"},
        metadata=True,
        conditions=True,
        note="block blobs; Content-MD5 is kept when sent, not computed",
    ),
    _operation(
        "CopyBlob",
        "PUT",
        "blob",
        copy_blob.copy_or_put_from_url,
        needs.CREATE_BLOB,
        headers=_COPY,
        selector="x-ms-copy-source",
        metadata=True,
        conditions=True,
        note="also Copy Blob From URL and Put Blob From URL; sources in the lab, done at once",
    ),
    _operation(
        "AbortCopyBlob",
        "PUT",
        "blob",
        copy_blob.abort_copy_blob,
        needs.WRITE_BLOB,
        {"comp": "copy"},
        headers=_LEASE | {"x-ms-copy-action"},
        parameters=frozenset(("copyid",)),
    ),
    _operation(
        "PutBlock",
        "PUT",
        "blob",
        block_list.put_block,
        needs.CREATE_BLOB,
        {"comp": "block"},
        headers=_LEASE | _CHECKSUM,
        parameters=frozenset(("blockid",)),
        note="blocks never committed are kept for ever",
    ),
    _operation(
        "PutBlockFromURL",
        "PUT",
        "blob",
        copy_blob.put_block_from_url,
        needs.CREATE_BLOB,
        {"comp": "block"},
        headers=_LEASE | _SOURCE | {"x-ms-source-range"},
        parameters=frozenset(("blockid",)),
        selector="x-ms-copy-source",
        note="sources in the lab",
    ),
    _operation(
        "PutBlockList",
        "PUT",
        "blob",
        block_list.put_block_list,
        needs.CREATE_BLOB,
        {"comp": "blocklist"},
        headers=_NEW_BLOB,
        metadata=True,
        conditions=True,
    ),
    _operation(
        "GetBlockList",
        "GET",
        "blob",
        block_list.get_block_list,
        needs.READ_BLOB,
        {"comp": "blocklist"},
        headers=_LEASE,
        parameters=frozenset(("blocklisttype",)),
    ),
    _operation(
        "GetBlob",
        "GET",
        "blob",
        read_blob.get_blob,
        needs.READ_BLOB,
        headers=_READ,
        conditions=True,
    ),
    _operation(
        "GetBlobProperties",
        "HEAD",
        "blob",
        read_blob.get_blob_properties,
        needs.READ_BLOB,
        headers=_LEASE,
        conditions=True,
    ),
    _operation(
        "SetBlobProperties",
        "PUT",
        "blob",
        change_blob.set_blob_properties,
        needs.WRITE_BLOB,
        {"comp": "properties"},
        headers=_LEASE | CONTENT_HEADERS,
        conditions=True,
    ),
    *(
        _operation(
            "GetBlobMetadata",
            method,
            "blob",
            change_blob.get_blob_metadata,
            needs.READ_BLOB,
            {"comp": "metadata"},
            headers=_LEASE,
            conditions=True,
        )
        for method in ("GET", "HEAD")
    ),
    _operation(
        "SetBlobMetadata",
        "PUT",
        "blob",
        change_blob.set_blob_metadata,
        needs.WRITE_BLOB,
        {"comp": "metadata"},
        headers=_LEASE,
        metadata=True,
        conditions=True,
    ),
    _operation(
        "GetBlobTags",
        "GET",
        "blob",
        change_blob.get_blob_tags,
        needs.READ_TAGS,
        {"comp": "tags"},
        headers=_LEASE,
    ),
    _operation(
        "SetBlobTags",
        "PUT",
        "blob",
        change_blob.set_blob_tags,
        needs.WRITE_TAGS,
        {"comp": "tags"},
        headers=_LEASE | _CHECKSUM,
    ),
    _SET_TIER,
    _DELETE_BLOB,
    _operation(
        "LeaseBlob",
        "PUT",
        "blob",
        leases.lease_blob,
        needs.LEASE_BLOB,
        {"comp": "lease"},
        headers=_LEASING,
        conditions=True,
    ),
)

OPERATIONS: tuple[Operation, ...] = _SERVICE_LEVEL + _CONTAINER_LEVEL + _BLOB_LEVEL
