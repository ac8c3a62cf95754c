"""The disk data plane: registers its port's routes and the page store."""

from __future__ import annotations

import resource
from collections.abc import Callable

from azlab.core.http import Request, Response
from azlab.core.json_types import object_at, text_at
from azlab.core.routing import Router
from azlab.core.service import Lab
from azlab.services.disks.admission import NEWEST_VERSION
from azlab.services.disks.blob_errors import BlobError, render
from azlab.services.disks.changes import ChangeTimes
from azlab.services.disks.guest import DiskGuest
from azlab.services.disks.reading import DiskReader
from azlab.services.disks.store import PageStore
from azlab.services.disks.writing import MOST_BYTES, DiskWriter

_BLOB = "/{account}/{container}/abcd"
_SIGNED = frozenset({"sv", "sr", "si", "sig", "timeout", "comp"})
_PAGED = _SIGNED | {"maxresults", "marker"}
_KNOWN_HEADERS = frozenset(
    {
        "x-ms-version",
        "x-ms-date",
        "x-ms-client-request-id",
        "x-ms-return-client-request-id",
        "x-ms-useragent",
        "x-ms-range",
        "x-ms-range-get-content-md5",
        "x-ms-previous-snapshot-url",
        "x-ms-page-write",
        "x-ms-blob-type",
    }
)


def register(lab: Lab) -> None:
    """Open the page store and answer on the port of the SAS URLs."""
    _allow_many_files()
    store = PageStore(lab.dir / "disks")
    lab.guest = DiskGuest(store)
    lab.on_reset(store.empty)
    lab.on_stop(store.close)
    store.keep_only(_named_volumes(lab))
    changes = ChangeTimes()
    reader = DiskReader(lab.state, store, changes)
    writer = DiskWriter(lab.state, store, changes)
    router = lab.routers["disks"] = Router(
        "disks",
        render,
        discriminators=("comp",),
        max_body_bytes=16 * MOST_BYTES,
    )
    router.add("HEAD", _BLOB, _checked(reader.properties, _SIGNED), operation="GetBlobProperties")
    router.add(
        "GET",
        _BLOB,
        _checked(reader.content, _SIGNED),
        operation="GetBlob",
        note="no CRC64 and no structured body",
    )
    router.add(
        "GET",
        _BLOB,
        _checked(reader.pages, _PAGED),
        operation="GetPageRanges",
        query={"comp": "pagelist"},
        note="differences between incremental snapshots of one disk by "
        "x-ms-previous-snapshot-url; a discard counts as cleared, whatever was there before",
    )
    router.add(
        "PUT",
        _BLOB,
        _checked(writer.put_page, _SIGNED),
        operation="PutPage",
        query={"comp": "page"},
        note="on disks in the state ActiveUpload; no conditional headers, no CRC64",
    )


def _allow_many_files() -> None:
    """Every layer of every disk is an open file; the usual soft limit is for small programs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _named_volumes(lab: Lab) -> list[str]:
    """The volumes that disks and snapshots of the state name; all others are left-overs."""
    with lab.state.transaction() as tx:
        bodies = [object_at(record, "body") for _, record in tx.list("resource")]
    return [
        text_at(body, "properties", "uniqueId")
        for body in bodies
        if text_at(body, "type") in ("Microsoft.Compute/disks", "Microsoft.Compute/snapshots")
    ]


def _checked(
    handler: Callable[[Request, str, str], Response], queries: frozenset[str]
) -> Callable[[Request, str, str], Response]:
    """Refuse what would be ignored, and put the headers of every answer on this one."""

    def handle(request: Request, account: str, container: str) -> Response:
        for name in request.query:
            if name not in queries:
                raise BlobError(
                    400,
                    "UnsupportedQueryParameter",
                    "One of the query parameters specified in the request URI is not supported.",
                    QueryParameterName=name,
                )
        for name in request.headers:
            if name.startswith("x-ms-") and name not in _KNOWN_HEADERS:
                raise BlobError(
                    400,
                    "UnsupportedHeader",
                    "One of the HTTP headers specified in the request is not supported.",
                    HeaderName=name,
                )
        response = handler(request, account, container)
        response.headers["x-ms-request-id"] = request.request_id
        response.headers["x-ms-version"] = request.headers.get("x-ms-version", NEWEST_VERSION)
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id:
            response.headers["x-ms-client-request-id"] = client_id
        return response

    return handle
