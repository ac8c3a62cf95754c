"""Delete Blob: the blob, one of its versions or snapshots; Undelete Blob; Snapshot Blob."""

from azlab.services.storage_blob import conditions, immutability, names
from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.access.grants import check
from azlab.services.storage_blob.errors import StorageError, bad_header, bad_query
from azlab.services.storage_blob.operations import blob_headers, target
from azlab.services.storage_blob.request import BlobResponse
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import accounts, blobs, generations
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Blob, Container, NewBlob, Role


def delete_blob(call: Call) -> BlobResponse:
    kind = call.request.query.get("deletetype")
    if kind is not None and kind.lower() != "permanent":
        raise bad_query("deletetype", kind)
    version_id, snapshot = target.requested_version(call), target.requested_snapshot(call)
    if kind is not None:
        return _delete_permanently(call, version_id, snapshot)
    if version_id is not None:
        return _delete_version(call, version_id)
    check(call.grant, needs.DELETE_BLOB)
    if snapshot is not None:
        return _delete_snapshot(call)
    return _delete_base(call)


def _delete_base(call: Call) -> BlobResponse:
    """Its snapshots must go along, or be gone."""
    wanted = conditions.parse(call.request.headers)
    along = call.request.header("x-ms-delete-snapshots")
    if along not in (None, "include", "only"):
        raise bad_header("x-ms-delete-snapshots", along)
    now = call.request.now
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = target.changeable(tx, call, wanted)
        snapshots = blobs.snapshots(tx, blob)
        if snapshots and along is None:
            raise StorageError("SnapshotsPresent")
        if along != "only":
            immutability.check_deletable(inside, blob, now)
        for one in snapshots:
            immutability.check_deletable(inside, one, now)
        kept = [generations.delete_one(tx, one, now) for one in snapshots]
        if along != "only":
            kept.append(generations.delete_base(tx, blob, now))
    return _deleted(kept=any(kept))


def _delete_version(call: Call, version_id: str) -> BlobResponse:
    """Only a previous version can be deleted by its id."""
    check(call.grant, needs.DELETE_VERSION)
    _refuse_snapshots_header(call)
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = blobs.find_version(tx, *call.address, version_id)
        if blob is None or blob.deleted is not None:
            raise StorageError("BlobNotFound")
        _refuse_root(blob)
        wanted.check_write(blob.etag, blob.modified_at)
        kept = _delete_one(tx, call, inside, blob)
    return _deleted(kept=kept)


def _delete_snapshot(call: Call) -> BlobResponse:
    _refuse_snapshots_header(call)
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = target.readable(tx, call)
        wanted.check_write(blob.etag, blob.modified_at)
        kept = _delete_one(tx, call, inside, blob)
    return _deleted(kept=kept)


def _delete_one(tx: Transaction, call: Call, inside: Container, blob: Blob) -> bool:
    immutability.check_deletable(inside, blob, call.request.now)
    return generations.delete_one(tx, blob, call.request.now)


def _delete_permanently(call: Call, version_id: str | None, snapshot: str | None) -> BlobResponse:
    """Of a version or snapshot that is soft-deleted already, if the account allows it."""
    check(call.grant, needs.DELETE_PERMANENTLY)
    _refuse_snapshots_header(call)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        if not accounts.settings(tx, call.account.name).permanent_delete:
            raise StorageError("PermanentDeleteNotEnabled")
        if version_id is not None:
            blob = blobs.find_version(tx, *call.address, version_id)
        elif snapshot is not None:
            blob = blobs.find_snapshot(tx, *call.address, snapshot)
        else:
            raise StorageError("OperationNotAllowedOnRootBlob")
        if blob is None:
            raise StorageError("BlobNotFound")
        _refuse_root(blob)
        if blob.deleted is None:
            raise StorageError("BlobSnapshotNotSoftDeleted")
        immutability.check_deletable(inside, blob, call.request.now)
        generations.remove(tx, blob)
    return _deleted(kept=False)


def _refuse_root(blob: Blob) -> None:
    if blob.is_current or blob.role is Role.MARKER:
        raise StorageError("OperationNotAllowedOnRootBlob")


def _refuse_snapshots_header(call: Call) -> None:
    """It is for the blob itself."""
    if call.request.header("x-ms-delete-snapshots") is not None:
        raise bad_header("x-ms-delete-snapshots")


def _deleted(*, kept: bool) -> BlobResponse:
    return BlobResponse(202, {"x-ms-delete-type-permanent": "false" if kept else "true"})


def undelete_blob(call: Call) -> BlobResponse:
    """All that is soft-deleted of the blob; no previous version becomes current by it."""
    with call.database.transaction() as tx:
        target.container(tx, call)
        generations.purge(tx, call.account.name, call.container, call.request.now)
        if not generations.undelete(tx, *call.address):
            raise StorageError("BlobNotFound")
    return BlobResponse(200)


def snapshot_blob(call: Call) -> BlobResponse:
    """With versions, a snapshot makes a new current version too."""
    request = call.request
    metadata = names.metadata(request.headers) or None
    wanted = conditions.parse(request.headers)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = target.readable(tx, call)
        wanted.check_write(blob.etag, blob.modified_at)
        target.check_lease(call, blob, writes=False)
        immutability.check_replaceable(inside)
        taken = generations.snapshot(tx, blob, metadata, request.now)
        if accounts.settings(tx, call.account.name).versioning:
            protection = target.new_protection(call, None, target.Place(inside, blob))
            again = NewBlob(
                blob.headers,
                blob.metadata,
                blob.tags,
                blob.tier,
                blobs.segments(tx, blob),
                blob.copy,
                protection,
            )
            blob = generations.commit(tx, *call.address, again, request.now)
    headers = {**blob_headers.identity_headers(taken), **blob_headers.version_headers(blob)}
    return BlobResponse(201, {**headers, "x-ms-snapshot": taken.snapshot or ""})
