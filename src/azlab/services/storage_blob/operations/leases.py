"""Lease Blob and Lease Container."""

import uuid
from dataclasses import replace

from azlab.services.storage_blob import conditions, lease_state
from azlab.services.storage_blob.errors import bad_header, missing_header
from azlab.services.storage_blob.http_dates import rfc1123
from azlab.services.storage_blob.operations import target
from azlab.services.storage_blob.operations.blob_headers import identity_headers, quoted
from azlab.services.storage_blob.request import BlobRequest, BlobResponse
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs, containers
from azlab.services.storage_blob.store.records import Lease

_SHORTEST_SECONDS, _LONGEST_SECONDS = 15, 60
_LONGEST_BREAK_SECONDS = 60


def lease_blob(call: Call) -> BlobResponse:
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        blob = target.readable(tx, call)
        wanted.check_write(blob.etag, blob.modified_at)
        lease, status, headers = _act(call.request, blob.lease)
        blobs.update(tx, replace(blob, lease=lease))
    return BlobResponse(status, {**identity_headers(blob), **headers})


def lease_container(call: Call) -> BlobResponse:
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        container = target.container(tx, call)
        wanted.check_write(container.etag, container.modified_at)
        lease, status, headers = _act(call.request, container.lease)
        containers.update(tx, replace(container, lease=lease))
    identity = {
        "ETag": quoted(container.etag),
        "Last-Modified": rfc1123(container.modified_at),
    }
    return BlobResponse(status, {**identity, **headers})


def _act(request: BlobRequest, lease: Lease | None) -> tuple[Lease | None, int, dict[str, str]]:
    """The lease afterwards, the status and the headers of the answer."""
    action = (request.header("x-ms-lease-action") or "").lower()
    now = request.now
    if action == "acquire":
        lease_id = _guid(request, "x-ms-proposed-lease-id") or str(uuid.uuid4())
        acquired = lease_state.acquire(lease, lease_id, _duration(request), now)
        return acquired, 201, {"x-ms-lease-id": acquired.lease_id}
    if action == "break":
        broken, seconds = lease_state.break_(lease, _break_period(request), now)
        return broken, 202, {"x-ms-lease-time": str(seconds)}
    if action not in ("renew", "change", "release"):
        raise bad_header("x-ms-lease-action", action)
    lease_id = _required_guid(request, "x-ms-lease-id")
    if action == "renew":
        return lease_state.renew(lease, lease_id, now), 200, {"x-ms-lease-id": lease_id}
    if action == "change":
        proposed = _required_guid(request, "x-ms-proposed-lease-id")
        changed = lease_state.change(lease, lease_id, proposed, now)
        return changed, 200, {"x-ms-lease-id": changed.lease_id}
    lease_state.release(lease, lease_id)
    return None, 200, {}


def _duration(request: BlobRequest) -> int:
    seconds = _integer(request, "x-ms-lease-duration")
    if seconds is None:
        raise missing_header("x-ms-lease-duration")
    fits = _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS
    if not fits and seconds != lease_state.INFINITE:
        raise bad_header("x-ms-lease-duration", str(seconds))
    return seconds


def _break_period(request: BlobRequest) -> int | None:
    seconds = _integer(request, "x-ms-lease-break-period")
    if seconds is not None and not 0 <= seconds <= _LONGEST_BREAK_SECONDS:
        raise bad_header("x-ms-lease-break-period", str(seconds))
    return seconds


def _integer(request: BlobRequest, name: str) -> int | None:
    text = request.header(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_header(name, text) from None


def _guid(request: BlobRequest, name: str) -> str | None:
    text = request.header(name)
    if text is None:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise bad_header(name, text) from None


def _required_guid(request: BlobRequest, name: str) -> str:
    guid = _guid(request, name)
    if guid is None:
        raise missing_header(name)
    return guid
