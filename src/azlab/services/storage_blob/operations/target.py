"""May this blob be written? Asked inside the transaction that writes."""

from dataclasses import dataclass

from azlab.services.storage_blob import immutability, lease_state
from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.access.grants import check, holds
from azlab.services.storage_blob.conditions import Conditions
from azlab.services.storage_blob.errors import StorageError, bad_query
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs, containers, version_times
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Blob, Container, Protection, Role


def container(tx: Transaction, call: Call) -> Container:
    found = containers.find(tx, call.account.name, call.container)
    if found is None:
        raise StorageError("ContainerNotFound")
    return found


def may_overwrite(call: Call) -> bool:
    """To be asked before the transaction: roles are read under a lock of their own."""
    return holds(call.grant, needs.OVERWRITE_BLOB)


@dataclass(frozen=True)
class Place:
    """Where a new blob goes; `existing` is what it would replace."""

    container: Container
    existing: Blob | None


def replaceable(tx: Transaction, call: Call, conditions: Conditions, *, overwrite: bool) -> Place:
    """The place of a new blob.

    The right comes first, then the conditions, then the lease: who may only create learns
    `UnauthorizedBlobOverwrite` whatever else the request says.
    """
    inside = container(tx, call)
    existing = blobs.find(tx, *call.address)
    if existing is not None and not overwrite:
        raise StorageError("UnauthorizedBlobOverwrite")
    conditions.check_write(
        existing.etag if existing else None, existing.modified_at if existing else None
    )
    check_lease(call, existing)
    if existing is not None:
        immutability.check_replaceable(inside)
    return Place(inside, existing)


def new_protection(call: Call, asked: Protection | None, place: Place) -> Protection:
    """What protects the new version that goes to `place`."""
    default = call.account.default_retention
    return immutability.of_new(asked, place.container, default, call.request.now)


def requested_protection(call: Call) -> Protection | None:
    """From the headers of a write; setting it needs a right of its own."""
    asked = immutability.requested(call.request.headers, call.request.now)
    if asked is not None:
        check(call.grant, needs.SET_IMMUTABILITY)
    return asked


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


def requested_version(call: Call) -> str | None:
    """The versionid of the request; InvalidQueryParameterValue for what is none."""
    return _requested_time(call, "versionid")


def requested_snapshot(call: Call) -> str | None:
    """Likewise; a request names a version or a snapshot, not both."""
    snapshot = _requested_time(call, "snapshot")
    if snapshot is not None and call.request.query.get("versionid") is not None:
        raise StorageError("MutuallyExclusiveQueryParameters")
    return snapshot


def _requested_time(call: Call, name: str) -> str | None:
    text = call.request.query.get(name)
    if text is not None and not version_times.is_time(text):
        raise bad_query(name, text)
    return text


def readable(tx: Transaction, call: Call) -> Blob:
    """The blob, or the version or snapshot that the request names; raises BlobNotFound."""
    container(tx, call)
    snapshot, version_id = requested_snapshot(call), requested_version(call)
    return one_of(tx, call.address, version_id, snapshot)


def one_of(
    tx: Transaction, address: tuple[str, str, str], version_id: str | None, snapshot: str | None
) -> Blob:
    if snapshot is not None:
        blob = blobs.find_snapshot(tx, *address, snapshot)
    elif version_id is not None:
        blob = blobs.find_version(tx, *address, version_id)
    else:
        blob = blobs.find(tx, *address)
    if blob is None or blob.role is Role.MARKER or blob.deleted is not None:
        raise StorageError("BlobNotFound")
    return blob
