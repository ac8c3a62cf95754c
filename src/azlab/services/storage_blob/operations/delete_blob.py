"""Delete Blob: the blob, or one of its versions."""

from azlab.services.storage_blob import conditions, immutability
from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.access.grants import check
from azlab.services.storage_blob.errors import StorageError, bad_header, not_simulated
from azlab.services.storage_blob.operations import target
from azlab.services.storage_blob.request import BlobResponse
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs, generations
from azlab.services.storage_blob.store.records import Role


def delete_blob(call: Call) -> BlobResponse:
    version_id = target.requested_version(call)
    if version_id is not None:
        return _delete_version(call, version_id)
    check(call.grant, needs.DELETE_BLOB)
    wanted = conditions.parse(call.request.headers)
    snapshots = call.request.header("x-ms-delete-snapshots")
    if snapshots == "only":
        raise not_simulated("blob snapshots (x-ms-delete-snapshots: only)")
    if snapshots not in (None, "include"):
        raise bad_header("x-ms-delete-snapshots", snapshots)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = target.changeable(tx, call, wanted)
        immutability.check_deletable(inside, blob, call.request.now)
        kept = generations.delete_base(tx, blob, call.request.now)
    return _deleted(kept=kept)


def _delete_version(call: Call, version_id: str) -> BlobResponse:
    """Only a previous version can be deleted by its id."""
    check(call.grant, needs.DELETE_VERSION)
    if call.request.header("x-ms-delete-snapshots") is not None:
        raise StorageError("InvalidHeaderValue", details=(("HeaderName", "x-ms-delete-snapshots"),))
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = blobs.find_version(tx, *call.address, version_id)
        if blob is None or blob.deleted is not None:
            raise StorageError("BlobNotFound")
        if blob.is_current or blob.role is Role.MARKER:
            raise StorageError("OperationNotAllowedOnRootBlob")
        wanted.check_write(blob.etag, blob.modified_at)
        immutability.check_deletable(inside, blob, call.request.now)
        generations.delete_version(tx, blob)
    return _deleted(kept=False)


def _deleted(*, kept: bool) -> BlobResponse:
    return BlobResponse(202, {"x-ms-delete-type-permanent": "false" if kept else "true"})
