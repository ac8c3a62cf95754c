"""From request headers to what is stored of a blob, and back to the headers of an answer."""

import base64
from datetime import datetime
from urllib.parse import parse_qsl

from azlab.services.storage_blob import immutability, lease_state, names, tiers
from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.access.grants import check
from azlab.services.storage_blob.errors import StorageError, bad_header
from azlab.services.storage_blob.http_dates import rfc1123
from azlab.services.storage_blob.request import BlobRequest
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store.records import Blob, ContentHeaders, Lease, Tier

CONTENT_HEADERS = frozenset(
    f"x-ms-blob-{name}"
    for name in (
        *("content-type", "content-encoding", "content-language", "content-md5"),
        *("content-disposition", "cache-control"),
    )
)


def quoted(etag: str) -> str:
    return f'"{etag}"'


def stored_content_headers(request: BlobRequest, md5: str | None = None) -> ContentHeaders:
    """The x-ms-blob-content-* headers alone; `md5` is what the body proved to have."""
    return ContentHeaders(
        content_type=request.header("x-ms-blob-content-type") or "application/octet-stream",
        encoding=request.header("x-ms-blob-content-encoding"),
        language=request.header("x-ms-blob-content-language"),
        md5=_checked_md5(request.header("x-ms-blob-content-md5")) or md5,
        disposition=request.header("x-ms-blob-content-disposition"),
        cache_control=request.header("x-ms-blob-cache-control"),
    )


def put_content_headers(request: BlobRequest, md5: str | None) -> ContentHeaders:
    """For Put Blob, where the plain headers count as well."""
    stored = stored_content_headers(request, md5)
    plain_type = request.header("x-ms-blob-content-type") or request.header("content-type")
    return ContentHeaders(
        content_type=plain_type or stored.content_type,
        encoding=stored.encoding or request.header("content-encoding"),
        language=stored.language or request.header("content-language"),
        md5=stored.md5,
        disposition=stored.disposition,
        cache_control=stored.cache_control or request.header("cache-control"),
    )


def _checked_md5(text: str | None) -> str | None:
    if text is not None:
        try:
            sized = len(base64.b64decode(text, validate=True)) == 16
        except ValueError:
            sized = False
        if not sized:
            raise StorageError("InvalidMd5")
    return text


def requested_tags(call: Call) -> dict[str, str]:
    """The x-ms-tags header; setting tags needs a right of its own."""
    text = call.request.header("x-ms-tags")
    if text is None:
        return {}
    check(call.grant, needs.WRITE_TAGS)
    pairs = parse_qsl(text, keep_blank_values=True)
    tags = dict(pairs)
    if len(tags) != len(pairs) or not pairs:
        raise bad_header("x-ms-tags", text)
    names.check_tags(tags)
    return tags


def requested_tier(call: Call) -> Tier:
    """x-ms-access-tier, else the account's default, which counts as inferred."""
    text = call.request.header("x-ms-access-tier")
    name = tiers.parse_tier(text) if text else call.account.default_tier
    return Tier(name, inferred=text is None, changed_at=call.request.now)


def identity_headers(blob: Blob) -> dict[str, str]:
    return {"ETag": quoted(blob.etag), "Last-Modified": rfc1123(blob.modified_at)}


def version_headers(blob: Blob) -> dict[str, str]:
    return {"x-ms-version-id": blob.version_id} if blob.version_id else {}


def written_headers(blob: Blob) -> dict[str, str]:
    encrypted = {"x-ms-request-server-encrypted": "true"}
    return {**identity_headers(blob), **version_headers(blob), **encrypted}


def lease_headers(lease: Lease | None, now: datetime) -> dict[str, str]:
    state = lease_state.state(lease, now)
    locked = lease_state.is_locked(lease, now)
    headers = {
        "x-ms-lease-state": state.value,
        "x-ms-lease-status": "locked" if locked else "unlocked",
    }
    if lease is not None and state is lease_state.LeaseState.LEASED:
        infinite = lease.duration_seconds == lease_state.INFINITE
        headers["x-ms-lease-duration"] = "infinite" if infinite else "fixed"
    return headers


def content_headers(headers: ContentHeaders) -> dict[str, str]:
    """As a download carries them; Content-MD5 is left to the caller, ranges differ."""
    values = {
        "Content-Type": headers.content_type,
        "Content-Encoding": headers.encoding,
        "Content-Language": headers.language,
        "Content-Disposition": headers.disposition,
        "Cache-Control": headers.cache_control,
    }
    return {name: value for name, value in values.items() if value}


def property_headers(blob: Blob, now: datetime) -> dict[str, str]:
    """Everything that Get Blob and Get Blob Properties say beside the content headers."""
    headers = {
        **identity_headers(blob),
        **lease_headers(blob.lease, now),
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "BlockBlob",
        "x-ms-creation-time": rfc1123(blob.created_at),
        "x-ms-server-encrypted": "true",
    }
    headers.update(version_headers(blob))
    if blob.version_id and blob.is_current:
        headers["x-ms-is-current-version"] = "true"
    headers.update(immutability.headers(blob.protection))
    headers.update({f"x-ms-meta-{name}": value for name, value in blob.metadata.items()})
    if blob.tags:
        headers["x-ms-tag-count"] = str(len(blob.tags))
    if blob.copy is not None:
        size = blob.copy.size_bytes
        headers["x-ms-copy-id"] = blob.copy.copy_id
        headers["x-ms-copy-source"] = blob.copy.source
        headers["x-ms-copy-status"] = "success"
        headers["x-ms-copy-progress"] = f"{size}/{size}"
        headers["x-ms-copy-completion-time"] = rfc1123(blob.copy.completed_at)
    return headers


def tier_headers(tier: Tier) -> dict[str, str]:
    """Only Get Blob Properties shows them."""
    headers = {"x-ms-access-tier": tier.name}
    if tier.inferred:
        headers["x-ms-access-tier-inferred"] = "true"
    else:
        headers["x-ms-access-tier-change-time"] = rfc1123(tier.changed_at)
    status = tiers.archive_status(tier)
    if status is not None:
        headers["x-ms-archive-status"] = status
        headers["x-ms-rehydrate-priority"] = tier.rehydrate_priority or "Standard"
    return headers
