"""List Blobs and List Containers: XML pages with markers."""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

from azlab.services.storage_blob import immutability, tiers
from azlab.services.storage_blob.errors import StorageError, bad_query, not_simulated
from azlab.services.storage_blob.http_dates import rfc1123
from azlab.services.storage_blob.operations import target
from azlab.services.storage_blob.operations.blob_headers import lease_headers
from azlab.services.storage_blob.operations.change_blob import write_tags
from azlab.services.storage_blob.request import BlobResponse
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import containers, generations, listing
from azlab.services.storage_blob.store.records import Blob, Container, Lease, Role, SoftDeletion
from azlab.services.storage_blob.xml_text import XmlText, xml_response

MAX_RESULTS = 5000
_BLOB_INCLUDES = frozenset(
    (
        *("metadata", "tags", "uncommittedblobs", "copy", "versions", "deletedwithversions"),
        *("immutabilitypolicy", "legalhold", "snapshots", "deleted"),
    )
)
_CONTAINER_INCLUDES = frozenset(("metadata", "deleted"))
_NOT_SIMULATED_INCLUDES = frozenset(("permissions", "system"))
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MARKER_HEAD = "2!"


def list_blobs(call: Call) -> BlobResponse:
    query = call.request.query
    includes = _includes(call, _BLOB_INCLUDES)
    limit = _max_results(call)
    with call.database.transaction() as tx:
        target.container(tx, call)
        if "deleted" in includes:
            generations.purge(tx, call.account.name, call.container, call.request.now)
        page = listing.page(
            tx,
            call.account.name,
            call.container,
            prefix=query.get("prefix", ""),
            delimiter=query.get("delimiter", ""),
            start=_start(call),
            limit=limit,
            kinds=listing.Kinds(
                versions="versions" in includes,
                snapshots="snapshots" in includes,
                deleted="deleted" in includes,
                versions_only="deletedwithversions" in includes,
                uncommitted="uncommittedblobs" in includes,
            ),
        )
    document = XmlText()
    with document.element("EnumerationResults", _origin(call, call.container)):
        _echo(document, call)
        with document.element("Blobs"):
            for entry in page.entries:
                if isinstance(entry, listing.Prefix):
                    with document.element("BlobPrefix"):
                        _name(document, entry.name)
                elif isinstance(entry, listing.UncommittedBlob):
                    _uncommitted(document, entry)
                else:
                    _blob(document, entry, call.request.now, includes)
        document.text("NextMarker", _marker(page.next_start))
    return xml_response(document)


def _origin(call: Call, container: str = "") -> dict[str, str]:
    origin = {"ServiceEndpoint": f"{call.service.base_url}/{call.account.name}/"}
    return {**origin, "ContainerName": container} if container else origin


def _includes(call: Call, known: frozenset[str]) -> frozenset[str]:
    text = call.request.query.get("include", "")
    includes = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    for name in sorted(includes - known):
        if name in _NOT_SIMULATED_INCLUDES:
            raise not_simulated(f"include={name} in a list")
        raise bad_query("include", name, "Invalid query parameter value.")
    return includes


def _max_results(call: Call) -> int:
    text = call.request.query.get("maxresults")
    if text is None:
        return MAX_RESULTS
    try:
        count = int(text)
    except ValueError:
        raise bad_query("maxresults", text) from None
    if count < 1:
        details = (("QueryParameterName", "maxresults"), ("QueryParameterValue", text))
        raise StorageError("OutOfRangeQueryParameterValue", details=details)
    return min(count, MAX_RESULTS)


def _start(call: Call) -> listing.Position:
    """The position inside a marker. Markers are opaque to clients and hold across deletions."""
    text = call.request.query.get("marker", "")
    if not text:
        return listing.Position("")
    try:
        if not text.startswith(_MARKER_HEAD):
            raise ValueError(text)
        inner = base64.urlsafe_b64decode(text.removeprefix(_MARKER_HEAD)).decode()
    except (ValueError, binascii.Error):
        raise bad_query("marker", text) from None
    name, _, ordinal = inner.partition("\x00")
    return listing.Position(name, ordinal)


def _marker(start: listing.Position | None) -> str:
    if start is None:
        return ""
    inner = f"{start.name}\x00{start.ordinal}" if start.ordinal else start.name
    return _MARKER_HEAD + base64.urlsafe_b64encode(inner.encode()).decode()


def _echo(document: XmlText, call: Call) -> None:
    """The request's own parameters, in the order of the reference."""
    for name, element in (
        ("prefix", "Prefix"),
        ("marker", "Marker"),
        ("maxresults", "MaxResults"),
        ("delimiter", "Delimiter"),
    ):
        value = call.request.query.get(name)
        if value:
            document.text(element, value)


def _name(document: XmlText, name: str) -> None:
    """Names that XML cannot hold are percent-encoded and marked."""
    if _NOT_IN_XML.search(name):
        document.text("Name", quote(name, safe=""), ' Encoded="true"')
    else:
        document.text("Name", name)


def _blob(document: XmlText, blob: Blob, now: datetime, includes: frozenset[str]) -> None:
    with document.element("Blob"):
        _name(document, blob.name)
        _generation(document, blob, includes)
        with document.element("Properties"):
            _properties(document, blob, now, includes)
        if "metadata" in includes:
            _metadata(document, blob.metadata.items())
        if "tags" in includes and blob.tags:
            with document.element("Tags"), document.element("TagSet"):
                write_tags(document, blob)
        document.text("OrMetadata", None)


def _generation(document: XmlText, blob: Blob, includes: frozenset[str]) -> None:
    """Which one of the blob's generations this is."""
    if blob.deleted is not None:
        document.text("Deleted", "true")
    if blob.snapshot is not None:
        document.text("Snapshot", blob.snapshot)
    if blob.version_id and includes & {"versions", "deletedwithversions"}:
        document.text("VersionId", blob.version_id)
        if blob.is_current:
            document.text("IsCurrentVersion", "true")
    if blob.role is Role.MARKER:
        document.text("HasVersionsOnly", "true")


def _metadata(document: XmlText, items: Iterable[tuple[str, str]]) -> None:
    with document.element("Metadata"):
        for name, value in items:
            document.text(name, value)


def _properties(document: XmlText, blob: Blob, now: datetime, includes: frozenset[str]) -> None:
    headers = blob.headers
    document.text("Creation-Time", rfc1123(blob.created_at))
    document.text("Last-Modified", rfc1123(blob.modified_at))
    document.text("Etag", blob.etag)
    document.text("Content-Length", str(blob.size_bytes))
    document.text("Content-Type", headers.content_type)
    document.text("Content-Encoding", headers.encoding)
    document.text("Content-Language", headers.language)
    document.text("Content-CRC64", None)
    document.text("Content-MD5", headers.md5)
    document.text("Cache-Control", headers.cache_control)
    document.text("Content-Disposition", headers.disposition)
    document.text("BlobType", "BlockBlob")
    _tier(document, blob, now)
    _lease(document, blob.lease, now)
    if "copy" in includes and blob.copy is not None:
        size = blob.copy.size_bytes
        document.text("CopyId", blob.copy.copy_id)
        document.text("CopySource", blob.copy.source)
        document.text("CopyStatus", "success")
        document.text("CopyProgress", f"{size}/{size}")
        document.text("CopyCompletionTime", rfc1123(blob.copy.completed_at))
    document.text("ServerEncrypted", "true")
    if blob.tags:
        document.text("TagCount", str(len(blob.tags)))
    if blob.deleted is not None:
        _deletion(document, blob.deleted, now)
    protection = blob.protection
    if "immutabilitypolicy" in includes and protection.until is not None:
        document.text("ImmutabilityPolicyUntilDate", rfc1123(protection.until))
        document.text("ImmutabilityPolicyMode", immutability.mode_text(protection))
    if "legalhold" in includes and protection.legal_hold is not None:
        document.text("LegalHold", "true" if protection.legal_hold else "false")


def _deletion(document: XmlText, deletion: SoftDeletion, now: datetime) -> None:
    document.text("DeletedTime", rfc1123(deletion.at))
    document.text("RemainingRetentionDays", str(max(0, (deletion.until - now).days)))


def _tier(document: XmlText, blob: Blob, now: datetime) -> None:
    tier = tiers.effective(blob.tier, now)
    document.text("AccessTier", tier.name)
    if tier.inferred:
        document.text("AccessTierInferred", "true")
    else:
        document.text("AccessTierChangeTime", rfc1123(tier.changed_at))
    status = tiers.archive_status(tier)
    if status is not None:
        document.text("ArchiveStatus", status)
        document.text("RehydratePriority", tier.rehydrate_priority)


def _lease(document: XmlText, lease: Lease | None, now: datetime) -> None:
    headers = lease_headers(lease, now)
    document.text("LeaseStatus", headers["x-ms-lease-status"])
    document.text("LeaseState", headers["x-ms-lease-state"])
    if "x-ms-lease-duration" in headers:
        document.text("LeaseDuration", headers["x-ms-lease-duration"])


def _uncommitted(document: XmlText, entry: listing.UncommittedBlob) -> None:
    with document.element("Blob"):
        _name(document, entry.name)
        with document.element("Properties"):
            document.text("Content-Length", "0")
            document.text("BlobType", "BlockBlob")


def list_containers(call: Call) -> BlobResponse:
    query = call.request.query
    includes = _includes(call, _CONTAINER_INCLUDES)
    limit = _max_results(call)
    with call.database.transaction() as tx:
        containers.purge(tx, call.account.name, call.request.now)
        found = containers.listed(
            tx,
            call.account.name,
            query.get("prefix", ""),
            _start(call).name,
            limit + 1,
            deleted="deleted" in includes,
        )
    following = (
        listing.Position(containers.stored_name(found[limit])) if len(found) > limit else None
    )
    document = XmlText()
    with document.element("EnumerationResults", _origin(call)):
        _echo(document, call)
        with document.element("Containers"):
            for container in found[:limit]:
                _container(document, container, call.request.now, includes)
        document.text("NextMarker", _marker(following))
    return xml_response(document)


def _worm_facts(container: Container) -> tuple[tuple[str, str], ...]:
    worm = container.worm
    facts = {
        "HasImmutabilityPolicy": worm.policy is not None,
        "HasLegalHold": bool(worm.holds),
        "ImmutableStorageWithVersioningEnabled": worm.versions_since is not None,
    }
    return tuple((name, "true" if fact else "false") for name, fact in facts.items())


def _container(
    document: XmlText, container: Container, now: datetime, includes: frozenset[str]
) -> None:
    with document.element("Container"):
        document.text("Name", container.name)
        if container.deleted is not None:
            document.text("Deleted", "true")
            document.text("Version", container.version)
        with document.element("Properties"):
            document.text("Last-Modified", rfc1123(container.modified_at))
            document.text("Etag", f'"{container.etag}"')
            _lease(document, container.lease, now)
            document.text("DefaultEncryptionScope", "$account-encryption-key")
            document.text("DenyEncryptionScopeOverride", "false")
            if container.public_access:
                document.text("PublicAccess", container.public_access)
            for element, value in _worm_facts(container):
                document.text(element, value)
            if container.deleted is not None:
                _deletion(document, container.deleted, now)
        if "metadata" in includes:
            _metadata(document, container.metadata.items())
