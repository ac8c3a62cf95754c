"""The operations on blobs."""

from azlab.services.storage_blob import immutability
from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.operations import (
    block_list,
    change_blob,
    copy_blob,
    delete_blob,
    leases,
    protect_blob,
    put_blob,
    read_blob,
)
from azlab.services.storage_blob.operations.blob_headers import CONTENT_HEADERS
from azlab.services.storage_blob.operations.entry import LEASE, LEASING, operation

_CHECKSUM = frozenset(("x-ms-content-crc64",))
_VERSION = frozenset(("versionid",))
_GENERATION = _VERSION | {"snapshot"}
_NEW_BLOB = (
    CONTENT_HEADERS | LEASE | _CHECKSUM | immutability.HEADERS | {"x-ms-access-tier", "x-ms-tags"}
)
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
_READ = LEASE | {
    *("x-ms-range", "x-ms-range-get-content-md5", "x-ms-range-get-content-crc64"),
}

DELETE_BLOB = operation(
    "DeleteBlob",
    "DELETE",
    "blob",
    delete_blob.delete_blob,
    needs.DELETE_SOMETHING,
    headers=LEASE | {"x-ms-delete-snapshots"},
    parameters=_GENERATION | {"deletetype"},
    conditions=True,
    note="the code when permanent deletion is switched off is not documented",
)
SET_TIER = operation(
    "SetBlobTier",
    "PUT",
    "blob",
    change_blob.set_blob_tier,
    needs.WRITE_BLOB,
    {"comp": "tier"},
    headers=LEASE | {"x-ms-access-tier", "x-ms-rehydrate-priority"},
    parameters=_GENERATION,
    note="rehydration ends on lab time",
)

OPERATIONS = (
    operation(
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
    operation(
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
    operation(
        "AbortCopyBlob",
        "PUT",
        "blob",
        copy_blob.abort_copy_blob,
        needs.WRITE_BLOB,
        {"comp": "copy"},
        headers=LEASE | {"x-ms-copy-action"},
        parameters=frozenset(("copyid",)),
    ),
    operation(
        "PutBlock",
        "PUT",
        "blob",
        block_list.put_block,
        needs.CREATE_BLOB,
        {"comp": "block"},
        headers=LEASE | _CHECKSUM,
        parameters=frozenset(("blockid",)),
        note="blocks never committed are kept for ever",
    ),
    operation(
        "PutBlockFromURL",
        "PUT",
        "blob",
        copy_blob.put_block_from_url,
        needs.CREATE_BLOB,
        {"comp": "block"},
        headers=LEASE | _SOURCE | {"x-ms-source-range"},
        parameters=frozenset(("blockid",)),
        selector="x-ms-copy-source",
        note="sources in the lab",
    ),
    operation(
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
    operation(
        "GetBlockList",
        "GET",
        "blob",
        block_list.get_block_list,
        needs.READ_BLOB,
        {"comp": "blocklist"},
        headers=LEASE,
        parameters=frozenset(("blocklisttype",)),
    ),
    operation(
        "GetBlob",
        "GET",
        "blob",
        read_blob.get_blob,
        needs.READ_BLOB,
        headers=_READ,
        parameters=_GENERATION,
        conditions=True,
    ),
    operation(
        "GetBlobProperties",
        "HEAD",
        "blob",
        read_blob.get_blob_properties,
        needs.READ_BLOB,
        headers=LEASE,
        parameters=_GENERATION,
        conditions=True,
    ),
    operation(
        "SetBlobProperties",
        "PUT",
        "blob",
        change_blob.set_blob_properties,
        needs.WRITE_BLOB,
        {"comp": "properties"},
        headers=LEASE | CONTENT_HEADERS,
        conditions=True,
    ),
    *(
        operation(
            "GetBlobMetadata",
            method,
            "blob",
            change_blob.get_blob_metadata,
            needs.READ_BLOB,
            {"comp": "metadata"},
            headers=LEASE,
            parameters=_GENERATION,
            conditions=True,
        )
        for method in ("GET", "HEAD")
    ),
    operation(
        "SetBlobMetadata",
        "PUT",
        "blob",
        change_blob.set_blob_metadata,
        needs.WRITE_BLOB,
        {"comp": "metadata"},
        headers=LEASE,
        metadata=True,
        conditions=True,
    ),
    operation(
        "GetBlobTags",
        "GET",
        "blob",
        change_blob.get_blob_tags,
        needs.READ_TAGS,
        {"comp": "tags"},
        headers=LEASE,
        parameters=_VERSION,
    ),
    operation(
        "SetBlobTags",
        "PUT",
        "blob",
        change_blob.set_blob_tags,
        needs.WRITE_TAGS,
        {"comp": "tags"},
        headers=LEASE | _CHECKSUM,
        parameters=_VERSION,
    ),
    SET_TIER,
    DELETE_BLOB,
    operation(
        "UndeleteBlob",
        "PUT",
        "blob",
        delete_blob.undelete_blob,
        needs.WRITE_BLOB,
        {"comp": "undelete"},
    ),
    operation(
        "SnapshotBlob",
        "PUT",
        "blob",
        delete_blob.snapshot_blob,
        needs.CREATE_BLOB,
        {"comp": "snapshot"},
        headers=LEASE,
        metadata=True,
        conditions=True,
    ),
    operation(
        "SetBlobImmutabilityPolicy",
        "PUT",
        "blob",
        protect_blob.set_policy,
        needs.SET_IMMUTABILITY,
        {"comp": "immutabilityPolicies"},
        headers=frozenset((immutability.UNTIL, immutability.MODE)),
        parameters=_VERSION,
        conditions=True,
        note="the codes for weakening a locked policy and for a container without immutable"
        " versions are not documented",
    ),
    operation(
        "DeleteBlobImmutabilityPolicy",
        "DELETE",
        "blob",
        protect_blob.delete_policy,
        needs.SET_IMMUTABILITY,
        {"comp": "immutabilityPolicies"},
        parameters=_VERSION,
    ),
    operation(
        "SetBlobLegalHold",
        "PUT",
        "blob",
        protect_blob.set_legal_hold,
        needs.SET_IMMUTABILITY,
        {"comp": "legalhold"},
        headers=frozenset((immutability.HOLD,)),
        parameters=_VERSION,
    ),
    operation(
        "LeaseBlob",
        "PUT",
        "blob",
        leases.lease_blob,
        needs.LEASE_BLOB,
        {"comp": "lease"},
        headers=LEASING,
        conditions=True,
    ),
)
