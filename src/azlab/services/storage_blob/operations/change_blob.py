"""Set Blob Properties, Set Blob Metadata, Set Blob Tier, Delete Blob, and the tags."""

from collections.abc import Callable
from dataclasses import replace

from azlab.services.storage_blob import conditions, lease_state, names, tiers
from azlab.services.storage_blob.errors import (
    StorageError,
    bad_header,
    missing_header,
    not_simulated,
)
from azlab.services.storage_blob.operations import blob_headers, checksums, target
from azlab.services.storage_blob.request import BlobResponse, read_all
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs
from azlab.services.storage_blob.store.records import Blob
from azlab.services.storage_blob.xml_text import XmlText, child_text, parse_xml, xml_response

_MAX_TAGS_DOCUMENT_BYTES = 64 << 10


def get_blob_metadata(call: Call) -> BlobResponse:
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        blob = target.readable(tx, call)
    wanted.check_read(blob.etag, blob.modified_at)
    target.check_lease(call, blob, writes=False)
    headers = {f"x-ms-meta-{name}": value for name, value in blob.metadata.items()}
    return BlobResponse(200, {**blob_headers.identity_headers(blob), **headers})


def set_blob_metadata(call: Call) -> BlobResponse:
    """All metadata of the blob is replaced by what the request carries."""
    metadata = names.metadata(call.request.headers)
    return _change(call, lambda blob: replace(blob, metadata=metadata))


def set_blob_properties(call: Call) -> BlobResponse:
    """The six stored headers are replaced together: one left out is cleared."""
    headers = blob_headers.stored_content_headers(call.request)
    return _change(call, lambda blob: replace(blob, headers=headers))


def _change(call: Call, changed: Callable[[Blob], Blob]) -> BlobResponse:
    request = call.request
    wanted = conditions.parse(request.headers)
    with call.database.transaction() as tx:
        blob = target.changeable(tx, call, wanted)
        tiers.check_readable(tiers.effective(blob.tier, request.now))
        kept = replace(changed(blob), lease=lease_state.after_write(blob.lease, request.now))
        blob = blobs.touch(tx, kept, request.now)
    return BlobResponse(200, blob_headers.written_headers(blob))


def set_blob_tier(call: Call) -> BlobResponse:
    request = call.request
    text = request.header("x-ms-access-tier")
    if text is None:
        raise missing_header("x-ms-access-tier")
    tier = tiers.parse_tier(text)
    priority = tiers.parse_priority(request.header("x-ms-rehydrate-priority"))
    with call.database.transaction() as tx:
        blob = target.readable(tx, call)
        target.check_lease(call, blob, writes=False)
        now = tiers.effective(blob.tier, request.now)
        changed, pending = tiers.change(now, tier, priority, request.now, call.service.delays)
        blobs.update(tx, replace(blob, tier=changed))
    return BlobResponse(202 if pending else 200)


def delete_blob(call: Call) -> BlobResponse:
    request = call.request
    wanted = conditions.parse(request.headers)
    snapshots = request.header("x-ms-delete-snapshots")
    if snapshots == "only":
        raise not_simulated("blob snapshots (x-ms-delete-snapshots: only)")
    if snapshots not in (None, "include"):
        raise bad_header("x-ms-delete-snapshots", snapshots)
    with call.database.transaction() as tx:
        blob = target.changeable(tx, call, wanted)
        blobs.delete(tx, blob)
    return BlobResponse(202, {"x-ms-delete-type-permanent": "true"})


def get_blob_tags(call: Call) -> BlobResponse:
    with call.database.transaction() as tx:
        blob = target.readable(tx, call)
    target.check_lease(call, blob, writes=False)
    document = XmlText()
    with document.element("Tags"), document.element("TagSet"):
        write_tags(document, blob)
    return xml_response(document)


def write_tags(document: XmlText, blob: Blob) -> None:
    for key, value in blob.tags.items():
        with document.element("Tag"):
            document.text("Key", key)
            document.text("Value", value)


def set_blob_tags(call: Call) -> BlobResponse:
    """Tags are not part of the blob: neither ETag nor Last-Modified changes."""
    sums = checksums.of_body(call.request)
    try:
        body = read_all(call.request.body, _MAX_TAGS_DOCUMENT_BYTES)
    except ValueError:
        raise StorageError("RequestBodyTooLarge") from None
    for running in sums.running:
        running.update(memoryview(body))
    sums.verify()
    found = parse_xml(body, "Tags").findall("TagSet/Tag")
    tags = {child_text(tag, "Key"): child_text(tag, "Value") for tag in found}
    if len(tags) != len(found):
        raise StorageError("InvalidTags")
    names.check_tags(tags)
    with call.database.transaction() as tx:
        blob = target.readable(tx, call)
        target.check_lease(call, blob)
        blobs.update(tx, replace(blob, tags=tags))
    return BlobResponse(204)
