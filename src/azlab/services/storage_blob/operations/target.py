"""May this blob be written? Asked inside the transaction that writes."""

from azlab.services.storage_blob import lease_state
from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.access.grants import holds
from azlab.services.storage_blob.conditions import Conditions
from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs, containers
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Blob, Container


def container(tx: Transaction, call: Call) -> Container:
    found = containers.find(tx, call.account.name, call.container)
    if found is None:
        raise StorageError("ContainerNotFound")
    return found


def may_overwrite(call: Call) -> bool:
    """To be asked before the transaction: roles are read under a lock of their own."""
    return holds(call.grant, needs.OVERWRITE_BLOB)


def replaceable(
    tx: Transaction, call: Call, conditions: Conditions, *, overwrite: bool
) -> Blob | None:
    """The blob that a new one would replace, None when the name is free.

    The right comes first, then the conditions, then the lease: who may only create learns
    `UnauthorizedBlobOverwrite` whatever else the request says.
    """
    container(tx, call)
    existing = blobs.find(tx, *call.address)
    if existing is not None and not overwrite:
        raise StorageError("UnauthorizedBlobOverwrite")
    conditions.check_write(
        existing.etag if existing else None, existing.modified_at if existing else None
    )
    check_lease(call, existing)
    return existing


def check_lease(call: Call, existing: Blob | None, *, writes: bool = True) -> None:
    lease_state.check_use(
        existing.lease if existing else None,
        call.request.header("x-ms-lease-id"),
        call.request.now,
        lease_state.BLOB_WORDS,
        writes=writes,
    )


def changeable(tx: Transaction, call: Call, conditions: Conditions) -> Blob:
    """The existing blob whose properties are to change; raises BlobNotFound."""
    blob = readable(tx, call)
    conditions.check_write(blob.etag, blob.modified_at)
    check_lease(call, blob)
    return blob


def readable(tx: Transaction, call: Call) -> Blob:
    container(tx, call)
    blob = blobs.find(tx, *call.address)
    if blob is None:
        raise StorageError("BlobNotFound")
    return blob
