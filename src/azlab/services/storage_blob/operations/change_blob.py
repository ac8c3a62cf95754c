"""Set Blob Properties, Set Blob Metadata, Set Blob Tier, and the tags."""

from dataclasses import replace

from azlab.services.storage_blob import conditions, immutability, lease_state, names, tiers
from azlab.services.storage_blob.errors import StorageError, missing_header
from azlab.services.storage_blob.operations import blob_headers, checksums, target
from azlab.services.storage_blob.request import BlobResponse, read_all
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import accounts, blobs, generations
from azlab.services.storage_blob.store.records import Blob, NewBlob
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
    """All metadata of the blob is replaced by what the request carries.

    With versions this makes a new one of the same contents.
    """
    request = call.request
    metadata = names.metadata(request.headers)
    wanted = conditions.parse(request.headers)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = target.changeable(tx, call, wanted)
        tiers.check_readable(tiers.effective(blob.tier, request.now))
        immutability.check_metadata_changeable(inside, blob)
        if accounts.settings(tx, call.account.name).versioning:
            place = target.Place(inside, blob)
            new = NewBlob(
                blob.headers,
                metadata,
                blob.tags,
                blob.tier,
                blobs.segments(tx, blob),
                blob.copy,
                target.new_protection(call, None, place),
            )
            blob = generations.commit(tx, *call.address, new, request.now)
        else:
            lease = lease_state.after_write(blob.lease, request.now)
            changed = replace(blob, metadata=metadata, lease=lease)
            blob = blobs.touch(tx, changed, request.now)
    return BlobResponse(200, blob_headers.written_headers(blob))


def set_blob_properties(call: Call) -> BlobResponse:
    """The six stored headers are replaced together: one left out is cleared.

    No new version is made, nor is a version id answered.
    """
    request = call.request
    headers = blob_headers.stored_content_headers(request)
    wanted = conditions.parse(request.headers)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = target.changeable(tx, call, wanted)
        tiers.check_readable(tiers.effective(blob.tier, request.now))
        immutability.check_replaceable(inside)
        lease = lease_state.after_write(blob.lease, request.now)
        blob = blobs.touch(tx, replace(blob, headers=headers, lease=lease), request.now)
    encrypted = {"x-ms-request-server-encrypted": "true"}
    return BlobResponse(200, {**blob_headers.identity_headers(blob), **encrypted})


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
