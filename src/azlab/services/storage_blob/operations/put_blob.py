"""Put Blob: a whole block blob in one request."""

from azlab.services.storage_blob import conditions, names
from azlab.services.storage_blob.errors import (
    StorageError,
    bad_header,
    missing_header,
    not_simulated,
)
from azlab.services.storage_blob.operations import blob_headers, checksums, target
from azlab.services.storage_blob.request import BlobResponse
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blocks, generations
from azlab.services.storage_blob.store.records import NewBlob, Segment

LARGE_BODIES_FROM = "2019-12-12"  # the version that raised the limits of puts and blocks
MAX_PUT_BYTES = 5000 << 20
MAX_PUT_BYTES_BEFORE = 256 << 20


def put_blob(call: Call) -> BlobResponse:
    """The name is decided twice: before the body is read, so that a refusal is quick, and again in
    the transaction that commits, so that of two racing writers exactly one is refused."""
    request = call.request
    _check_kind(call)
    names.check_blob(call.blob)
    limit = MAX_PUT_BYTES if request.version >= LARGE_BODIES_FROM else MAX_PUT_BYTES_BEFORE
    if request.body.length > limit:
        raise StorageError("RequestBodyTooLarge", details=(("MaxLimit", str(limit)),))
    wanted = conditions.parse(request.headers)
    overwrite = target.may_overwrite(call)
    metadata = names.metadata(request.headers)
    tags = blob_headers.requested_tags(call)
    tier = blob_headers.requested_tier(call)
    asked = target.requested_protection(call)
    sums = checksums.of_body(request)
    headers = blob_headers.put_content_headers(request, sums.md5_base64)
    with call.database.transaction() as tx:
        place = target.replaceable(tx, call, wanted, overwrite=overwrite)
        target.new_protection(call, asked, place)
    segments: tuple[Segment, ...] = ()
    files = call.database.content
    if request.body.length:
        content_id = files.write(request.body, request.body.length, sums.running)
        segments = (Segment(content_id, 0, request.body.length),)
    try:
        sums.verify()
        with call.database.transaction() as tx:
            place = target.replaceable(tx, call, wanted, overwrite=overwrite)
            blocks.clear(tx, *call.address)
            protection = target.new_protection(call, asked, place)
            new = NewBlob(headers, metadata, tags, tier, segments, protection=protection)
            blob = generations.commit(tx, *call.address, new, request.now)
    except BaseException:
        files.discard(segment.content_id for segment in segments)
        raise
    return BlobResponse(201, {**blob_headers.written_headers(blob), **sums.answer_headers})


def _check_kind(call: Call) -> None:
    kind = call.request.header("x-ms-blob-type")
    if kind is None:
        raise missing_header("x-ms-blob-type")
    if kind in ("PageBlob", "AppendBlob"):
        raise not_simulated(f"blobs of the type {kind} in storage accounts")
    if kind != "BlockBlob":
        raise bad_header("x-ms-blob-type", kind)
