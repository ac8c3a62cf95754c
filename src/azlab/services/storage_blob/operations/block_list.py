"""Put Block, Put Block List, Get Block List."""

from azlab.services.storage_blob import conditions, names, tiers
from azlab.services.storage_blob.errors import StorageError, bad_query
from azlab.services.storage_blob.operations import blob_headers, checksums, target
from azlab.services.storage_blob.operations.put_blob import LARGE_BODIES_FROM
from azlab.services.storage_blob.request import BlobResponse, read_all
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs, blocks, generations
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Blob, Block, NewBlob, Segment
from azlab.services.storage_blob.xml_text import XmlText, parse_xml, xml_response

MAX_BLOCK_BYTES = 4000 << 20
MAX_BLOCK_BYTES_BEFORE = 100 << 20
MAX_COMMITTED_BLOCKS = 50_000
MAX_UNCOMMITTED_BLOCKS = 100_000
_MAX_LIST_BYTES = 16 << 20  # 50,000 ids of 88 characters with their tags


def put_block(call: Call) -> BlobResponse:
    body = call.request.body
    block_id = check_block(call)
    if not body.length:
        raise StorageError("InvalidHeaderValue", details=(("HeaderName", "Content-Length"),))
    large = call.request.version >= LARGE_BODIES_FROM
    limit = MAX_BLOCK_BYTES if large else MAX_BLOCK_BYTES_BEFORE
    if body.length > limit:
        raise StorageError("RequestBodyTooLarge", details=(("MaxLimit", str(limit)),))
    sums = checksums.of_body(call.request)
    content_id = call.database.content.write(body, body.length, sums.running)
    keep_block(call, Block(block_id, content_id, body.length), sums)
    headers = {"x-ms-request-server-encrypted": "true", **sums.answer_headers}
    return BlobResponse(201, headers)


def check_block(call: Call) -> str:
    """The block id; raises when the block could not be kept anyway."""
    names.check_blob(call.blob)
    block_id = call.request.query.get("blockid")
    if not block_id:
        details = (("QueryParameterName", "blockid"),)
        raise StorageError("MissingRequiredQueryParameter", details=details)
    names.check_block_id(block_id)
    with call.database.transaction() as tx:
        _check_block_place(tx, call, block_id)
    return block_id


def keep_block(call: Call, block: Block, sums: checksums.Checksums) -> None:
    """Records a block whose bytes are in a file; the file goes if that is refused."""
    try:
        sums.verify()
        with call.database.transaction() as tx:
            _check_block_place(tx, call, block.block_id)
            blocks.put(tx, *call.address, block)
    except BaseException:
        call.database.content.discard([block.content_id])
        raise


def _check_block_place(tx: Transaction, call: Call, block_id: str) -> None:
    target.container(tx, call)
    target.check_lease(call, blobs.find(tx, *call.address))
    other = blocks.any_block_id(tx, *call.address)
    if other is not None and len(other) != len(block_id):
        raise StorageError("InvalidBlobOrBlock")
    if blocks.count(tx, *call.address) >= MAX_UNCOMMITTED_BLOCKS:
        raise StorageError("BlockCountExceedsLimit")


def put_block_list(call: Call) -> BlobResponse:
    request = call.request
    names.check_blob(call.blob)
    wanted = conditions.parse(request.headers)
    overwrite = target.may_overwrite(call)
    sums = checksums.of_body(request)
    try:
        document = read_all(request.body, _MAX_LIST_BYTES)
    except ValueError:
        raise StorageError("BlockListTooLong") from None
    for running in sums.running:
        running.update(memoryview(document))
    sums.verify()
    listed = _listed_blocks(document)
    metadata = names.metadata(request.headers)
    tags = blob_headers.requested_tags(call)
    tier = blob_headers.requested_tier(call)
    asked = target.requested_protection(call)
    headers = blob_headers.stored_content_headers(request)
    with call.database.transaction() as tx:
        place = target.replaceable(tx, call, wanted, overwrite=overwrite)
        segments = _chosen(tx, call, place.existing, listed)
        protection = target.new_protection(call, asked, place)
        new = NewBlob(headers, metadata, tags, tier, segments, protection=protection)
        blob = generations.commit(tx, *call.address, new, request.now)
        blocks.clear(tx, *call.address)
    answer = {**blob_headers.written_headers(blob), **sums.answer_headers}
    return BlobResponse(201, answer)


def _listed_blocks(document: bytes) -> list[tuple[str, str]]:
    """(Committed | Uncommitted | Latest, block id) in the order of the blob."""
    root = parse_xml(document, "BlockList")
    listed = []
    for element in root:
        if element.tag not in ("Committed", "Uncommitted", "Latest"):
            raise StorageError("InvalidXmlDocument")
        listed.append((element.tag, (element.text or "").strip()))
    if len(listed) > MAX_COMMITTED_BLOCKS:
        raise StorageError("BlockListTooLong")
    return listed


def _chosen(
    tx: Transaction, call: Call, existing: Blob | None, listed: list[tuple[str, str]]
) -> tuple[Segment, ...]:
    waiting = {block.block_id: block for block in blocks.listed(tx, *call.address)}
    standing: dict[str, Block] = {}
    if existing is not None:
        for part in blobs.segments(tx, existing):
            if part.block_id is not None:
                standing[part.block_id] = Block(part.block_id, part.content_id, part.size_bytes)
    segments = []
    start = 0
    for kind, block_id in listed:
        block = waiting.get(block_id) if kind != "Committed" else None
        if block is None and kind != "Uncommitted":
            block = standing.get(block_id)
            if block is not None and existing is not None:
                tiers.check_readable(tiers.effective(existing.tier, call.request.now))
        if block is None:
            raise StorageError("InvalidBlockList")
        segments.append(Segment(block.content_id, start, block.size_bytes, block_id))
        start += block.size_bytes
    return tuple(segments)


def get_block_list(call: Call) -> BlobResponse:
    kind = call.request.query.get("blocklisttype", "committed").lower()
    if kind not in ("committed", "uncommitted", "all"):
        raise bad_query("blocklisttype", kind)
    with call.database.transaction() as tx:
        target.container(tx, call)
        blob = blobs.find(tx, *call.address)
        waiting = blocks.listed(tx, *call.address)
        standing = blobs.segments(tx, blob) if blob else ()
    if blob is None and not waiting:
        raise StorageError("BlobNotFound")
    target.check_lease(call, blob, writes=False)
    document = XmlText()
    with document.element("BlockList"):
        if kind != "uncommitted":
            with document.element("CommittedBlocks"):
                for part in standing:
                    if part.block_id is not None:
                        _block(document, part.block_id, part.size_bytes)
        if kind != "committed":
            with document.element("UncommittedBlocks"):
                for block in waiting:
                    _block(document, block.block_id, block.size_bytes)
    headers = {"x-ms-blob-content-length": str(blob.size_bytes if blob else 0)}
    if blob is not None:
        headers.update(blob_headers.identity_headers(blob))
    return xml_response(document, headers)


def _block(document: XmlText, block_id: str, size_bytes: int) -> None:
    with document.element("Block"):
        document.text("Name", block_id)
        document.text("Size", str(size_bytes))
