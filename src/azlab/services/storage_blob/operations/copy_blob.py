"""Copy Blob, Put Blob From URL and Put Block From URL.

A copy within the lab refers to the contents of its source, so it is finished when it is answered,
which the asynchronous call may be as well.
"""

import uuid
from collections.abc import Sequence

from azlab.services.storage_blob import byte_ranges, conditions, names, tiers
from azlab.services.storage_blob.errors import StorageError, bad_header, not_simulated
from azlab.services.storage_blob.operations import blob_headers, block_list, checksums, target
from azlab.services.storage_blob.operations.sources import Source, authorised
from azlab.services.storage_blob.request import BlobResponse
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs, blocks, generations
from azlab.services.storage_blob.store.content import ContentFiles, ContentStream
from azlab.services.storage_blob.store.records import (
    ARCHIVE,
    Blob,
    Block,
    CopyResult,
    NewBlob,
    Segment,
    Tier,
)

MAX_SYNCHRONOUS_COPY_BYTES = 256 << 20


def copy_or_put_from_url(call: Call) -> BlobResponse:
    """Both are a PUT with x-ms-copy-source; the blob type tells Put Blob From URL."""
    kind = call.request.header("x-ms-blob-type")
    if kind is None:
        return copy_blob(call)
    if kind != "BlockBlob":
        raise not_simulated(f"blobs of the type {kind} in storage accounts")
    return put_blob_from_url(call)


def copy_blob(call: Call) -> BlobResponse:
    """Copy Blob; with x-ms-requires-sync it is Copy Blob From URL."""
    request = call.request
    _only(call, forbidden=blob_headers.CONTENT_HEADERS | {"x-ms-copy-source-blob-properties"})
    synchronous = (request.header("x-ms-requires-sync") or "").lower() == "true"
    source = authorised(call)
    metadata = names.metadata(request.headers)
    blob = _copy(
        call,
        source,
        metadata=metadata or None,
        content_headers_of_source=True,
        limit_bytes=MAX_SYNCHRONOUS_COPY_BYTES if synchronous else None,
    )
    assert blob.copy is not None
    headers = {"x-ms-copy-id": blob.copy.copy_id, "x-ms-copy-status": "success"}
    identity = {**blob_headers.identity_headers(blob), **blob_headers.version_headers(blob)}
    return BlobResponse(202, {**identity, **headers})


def put_blob_from_url(call: Call) -> BlobResponse:
    request = call.request
    _only(call, forbidden={"x-ms-requires-sync", "x-ms-rehydrate-priority"})
    text = (request.header("x-ms-copy-source-blob-properties") or "true").lower()
    if text not in ("true", "false"):
        raise bad_header("x-ms-copy-source-blob-properties", text)
    source = authorised(call)
    blob = _copy(
        call,
        source,
        metadata=names.metadata(request.headers),
        content_headers_of_source=text == "true",
        limit_bytes=5000 << 20,
        archived_allowed=False,
    )
    return BlobResponse(201, blob_headers.written_headers(blob))


def _only(call: Call, forbidden: frozenset[str] | set[str]) -> None:
    """The two operations share a route, not their headers."""
    for name in sorted(forbidden):
        if call.request.header(name) is not None:
            raise StorageError("UnsupportedHeader", details=(("HeaderName", name),))


def _copy(
    call: Call,
    source: Source,
    *,
    metadata: dict[str, str] | None,
    content_headers_of_source: bool,
    limit_bytes: int | None,
    archived_allowed: bool = True,
) -> Blob:
    """`metadata` None takes the source's."""
    request = call.request
    names.check_blob(call.blob)
    wanted = conditions.parse(request.headers)
    overwrite = target.may_overwrite(call)
    tags = blob_headers.requested_tags(call)
    asked = target.requested_protection(call)
    sums = checksums.of_source(request)
    with call.database.transaction() as tx:
        target.container(tx, call)
        found = source.read(tx, call)
        if limit_bytes is not None and found.size_bytes > limit_bytes:
            raise StorageError("RequestBodyTooLarge")
        tier = _tier(call, found, archived_allowed)
        place = target.replaceable(tx, call, wanted, overwrite=overwrite)
        segments = blobs.segments(tx, found)
        _verify(call.database.content, segments, found.size_bytes, sums)
        headers = (
            found.headers
            if content_headers_of_source
            else blob_headers.stored_content_headers(request, found.headers.md5)
        )
        result = CopyResult(str(uuid.uuid4()), source.url, found.size_bytes, request.now)
        new = NewBlob(
            headers,
            found.metadata if metadata is None else metadata,
            tags,
            tier,
            segments,
            result,
            target.new_protection(call, asked, place),
        )
        blocks.clear(tx, *call.address)
        return generations.commit(tx, *call.address, new, request.now)


def _tier(call: Call, source: Blob, archived_allowed: bool) -> Tier:
    """The tier of the copy; the copy of an archived blob starts with its rehydration."""
    wanted = blob_headers.requested_tier(call)
    if source.tier.name != ARCHIVE:
        return wanted
    if not archived_allowed or wanted.inferred or wanted.name == ARCHIVE:
        raise StorageError("BlobArchived")
    priority = tiers.parse_priority(call.request.header("x-ms-rehydrate-priority"))
    now = call.request.now
    archived = Tier(ARCHIVE, inferred=False, changed_at=now)
    delay = call.service.delays.of(priority)
    return tiers.rehydration(archived, wanted.name, priority, now, delay)


def _verify(
    files: ContentFiles, segments: Sequence[Segment], size_bytes: int, sums: checksums.Checksums
) -> None:
    if sums.expected:
        for piece in files.read(segments, 0, size_bytes):
            for running in sums.running:
                running.update(memoryview(piece))
        sums.verify()


class _StreamBody:
    """Another blob's bytes, read like a request body."""

    def __init__(self, stream: ContentStream) -> None:
        self._pieces = iter(stream)
        self._rest = memoryview(b"")

    def readinto(self, buffer: memoryview) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def put_block_from_url(call: Call) -> BlobResponse:
    request = call.request
    if request.body.length:
        raise StorageError("InvalidHeaderValue", details=(("HeaderName", "Content-Length"),))
    block_id = block_list.check_block(call)
    source = authorised(call)
    sums = checksums.of_source(request)
    files = call.database.content
    with call.database.transaction() as tx:
        found = source.read(tx, call)
        tiers.check_readable(found.tier)
        text = request.header("x-ms-source-range")
        part = (
            byte_ranges.of_source(text, found.size_bytes)
            if text
            else byte_ranges.ReadRange(0, found.size_bytes, partial=False)
        )
        if not 0 < part.length <= block_list.MAX_BLOCK_BYTES:
            raise StorageError("OutOfRangeInput")
        segments = blobs.segments_of_range(tx, found, part.offset, part.length)
        files.pin(segment.content_id for segment in segments)
    stream = ContentStream(files, segments, part.offset, part.length)
    try:
        content_id = files.write(_StreamBody(stream), part.length, sums.running)
    finally:
        stream.close()
    block_list.keep_block(call, Block(block_id, content_id, part.length), sums)
    return BlobResponse(201, {"x-ms-request-server-encrypted": "true"})


def abort_copy_blob(call: Call) -> BlobResponse:
    """Never anything to abort: a copy ends before it is answered."""
    with call.database.transaction() as tx:
        target.readable(tx, call)
    raise StorageError("NoPendingCopyOperation")
