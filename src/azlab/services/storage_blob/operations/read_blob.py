"""Get Blob and Get Blob Properties."""

import base64
import hashlib

from azlab.services.storage_blob import byte_ranges, conditions, tiers
from azlab.services.storage_blob.crc64 import Crc64
from azlab.services.storage_blob.errors import StorageError, bad_header
from azlab.services.storage_blob.operations import blob_headers, target
from azlab.services.storage_blob.request import BlobRequest, BlobResponse
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs
from azlab.services.storage_blob.store.content import ContentStream
from azlab.services.storage_blob.store.records import Blob

MAX_CHECKSUM_RANGE_BYTES = 4 << 20
_RANGE_MD5, _RANGE_CRC = "x-ms-range-get-content-md5", "x-ms-range-get-content-crc64"


def get_blob(call: Call) -> BlobResponse:
    request = call.request
    wanted = conditions.parse(request.headers)
    files = call.database.content
    with call.database.transaction() as tx:
        blob = target.readable(tx, call)
        wanted.check_read(blob.etag, blob.modified_at)
        target.check_lease(call, blob, writes=False)
        tiers.check_readable(tiers.effective(blob.tier, request.now))
        part = byte_ranges.requested(request, blob.size_bytes)
        segments = blobs.segments_of_range(tx, blob, part.offset, part.length)
        files.pin(segment.content_id for segment in segments)
    stream = ContentStream(files, segments, part.offset, part.length)
    headers = _content_headers(call, blob)
    headers["Content-Length"] = str(part.length)
    checksum = _range_checksum(request, part)
    if part.partial:
        last = part.offset + part.length - 1
        headers["Content-Range"] = f"bytes {part.offset}-{last}/{blob.size_bytes}"
        if blob.headers.md5:
            headers["x-ms-blob-content-md5"] = blob.headers.md5
    elif blob.headers.md5:
        headers["Content-MD5"] = blob.headers.md5
    status = 206 if part.partial else 200
    if checksum is None:
        return BlobResponse(status, headers, stream, part.length)
    body = b"".join(stream)
    headers.update(_checksum_header(checksum, body))
    return BlobResponse(status, headers, body, part.length)


def _range_checksum(request: BlobRequest, part: byte_ranges.ReadRange) -> str | None:
    """Which of the two checksums of a range is asked for; only small ranges may."""
    asked = [n for n in (_RANGE_MD5, _RANGE_CRC) if (request.header(n) or "").lower() == "true"]
    if not asked:
        return None
    if len(asked) > 1:
        raise StorageError("BothCrc64AndMd5HeaderPresent")
    if not part.partial:
        raise bad_header(asked[0], "true")
    if part.length > MAX_CHECKSUM_RANGE_BYTES:
        raise StorageError("OutOfRangeInput", details=(("HeaderName", asked[0]),))
    return asked[0]


def _checksum_header(asked: str, body: bytes) -> dict[str, str]:
    if asked == _RANGE_MD5:
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        return {"Content-MD5": base64.b64encode(digest).decode()}
    crc = Crc64()
    crc.update(body)
    return {"x-ms-content-crc64": base64.b64encode(crc.digest()).decode()}


def _content_headers(call: Call, blob: Blob) -> dict[str, str]:
    return {
        **blob_headers.property_headers(blob, call.request.now),
        **blob_headers.content_headers(blob.headers),
        **call.grant.response_headers,
    }


def get_blob_properties(call: Call) -> BlobResponse:
    request = call.request
    wanted = conditions.parse(request.headers)
    with call.database.transaction() as tx:
        blob = target.readable(tx, call)
    wanted.check_read(blob.etag, blob.modified_at)
    target.check_lease(call, blob, writes=False)
    headers = {
        **_content_headers(call, blob),
        **blob_headers.tier_headers(tiers.effective(blob.tier, request.now)),
        "Content-Length": str(blob.size_bytes),
    }
    if blob.headers.md5:
        headers["Content-MD5"] = blob.headers.md5
    return BlobResponse(200, headers, b"", blob.size_bytes)
