"""Set and Delete Blob Immutability Policy, Set Blob Legal Hold: none of them changes the ETag."""

from collections.abc import Callable
from dataclasses import replace

from azlab.services.storage_blob import conditions, immutability
from azlab.services.storage_blob.operations import target
from azlab.services.storage_blob.request import BlobResponse
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import blobs
from azlab.services.storage_blob.store.records import Protection


def set_policy(call: Call) -> BlobResponse:
    asked = immutability.requested_policy(call.request.headers, call.request.now)
    changed = _change(call, lambda held: immutability.changed(held, asked))
    return BlobResponse(200, immutability.headers(replace(changed, legal_hold=None)))


def delete_policy(call: Call) -> BlobResponse:
    """Fine when there is none."""
    _change(call, immutability.without_policy)
    return BlobResponse(200)


def set_legal_hold(call: Call) -> BlobResponse:
    hold = immutability.requested_hold(call.request.headers)
    _change(call, lambda held: replace(held, legal_hold=hold))
    return BlobResponse(200, {immutability.HOLD: "true" if hold else "false"})


def _change(call: Call, changed: Callable[[Protection], Protection]) -> Protection:
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        inside = target.container(tx, call)
        blob = target.readable(tx, call)
        wanted.check_write(blob.etag, blob.modified_at)
        immutability.check_supported(inside)
        protection = changed(blob.protection)
        blobs.update(tx, replace(blob, protection=protection))
    return protection
