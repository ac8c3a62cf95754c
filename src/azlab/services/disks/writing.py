"""Put Page on an upload SAS: whole pages written or cleared."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from email.utils import format_datetime

from azlab.core.http import Request, Response
from azlab.core.state import State
from azlab.services.disks import admission
from azlab.services.disks.blob_errors import BlobError
from azlab.services.disks.byte_range import asked_range
from azlab.services.disks.changes import ChangeTimes
from azlab.services.disks.footer import FOOTER_BYTES
from azlab.services.disks.grants import Grant
from azlab.services.disks.reading import etag
from azlab.services.disks.store import PageStore

MOST_BYTES = 4 << 20
_PAGE_BYTES = 512
_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


class DiskWriter:
    """PUT of a SAS with ``comp=page``."""

    def __init__(self, state: State, store: PageStore, changes: ChangeTimes) -> None:
        self._state = state
        self._store = store
        self._changes = changes

    def put_page(self, request: Request, account: str, container: str) -> Response:
        """Write or clear the pages of a range; the answer comes when they would survive a kill."""
        admission.service_version(request)
        grant = admission.admit(self._state, request, account, container, "Write")
        for name in _CONDITIONS:
            if name in request.headers:
                raise BlobError(
                    400,
                    "UnsupportedHeader",
                    "One of the HTTP headers is not supported.",
                    HeaderName=name,
                )
        start, end = self._pages(request, grant)
        action = request.headers.get("x-ms-page-write").lower()
        headers: dict[str, str] = {}
        if action == "update":
            headers = self._update(request, grant, start, end)
        elif action == "clear":
            self._clear(request, grant, start, end)
        else:
            raise BlobError(
                400,
                "InvalidHeaderValue",
                "The value for one of the HTTP headers is not in the correct format.",
                HeaderName="x-ms-page-write",
                HeaderValue=action,
            )
        return self._done(grant, request.now, headers)

    def _pages(self, request: Request, grant: Grant) -> tuple[int, int]:
        asked = asked_range(request.headers)
        if asked is None or asked.end is None:
            raise BlobError(
                400,
                "MissingRequiredHeader",
                "An HTTP header that's mandatory for this request is not specified.",
                HeaderName="x-ms-range",
            )
        total = self._store.size_bytes(grant.volume_id) + FOOTER_BYTES
        if asked.start % _PAGE_BYTES or asked.end % _PAGE_BYTES or asked.end > total:
            raise BlobError(416, "InvalidPageRange", "The page range specified is invalid.")
        return asked.start, asked.end

    def _update(self, request: Request, grant: Grant, start: int, end: int) -> dict[str, str]:
        length = end - start
        if length > MOST_BYTES:
            for _ in request.body.chunks(MOST_BYTES):
                pass  # else the client is still sending when the connection ends
            raise BlobError(
                413,
                "RequestBodyTooLarge",
                "The request body is too large and exceeds the maximum permissible limit.",
                MaxLimit=str(MOST_BYTES),
            )
        if request.body.length != length:
            raise BlobError(
                400,
                "InvalidHeaderValue",
                "The value for one of the HTTP headers is not in the correct format.",
                HeaderName="Content-Length",
                HeaderValue=str(request.body.length),
            )
        data = memoryview(bytearray(length))
        request.body.fill(data)
        headers: dict[str, str] = {}
        if given := request.headers.get("content-md5"):
            digest = hashlib.md5(data, usedforsecurity=False).digest()
            expected = base64.b64encode(digest).decode()
            if not hmac.compare_digest(expected, given):
                raise BlobError(
                    400,
                    "Md5Mismatch",
                    "The MD5 value specified in the request did not match with the MD5 value "
                    "calculated by the server.",
                    UserSpecifiedMd5=given,
                    ServerCalculatedMd5=expected,
                )
            headers["Content-MD5"] = expected
        size = self._store.size_bytes(grant.volume_id)
        inside = min(end, size) - start
        if inside > 0:
            self._store.write(grant.volume_id, start, data[:inside])
        if end > size:
            self._store.set_footer(grant.volume_id, bytes(data[size - start :]))
        return headers

    def _clear(self, request: Request, grant: Grant, start: int, end: int) -> None:
        if request.body.length:
            raise BlobError(
                400,
                "InvalidHeaderValue",
                "The value for one of the HTTP headers is not in the correct format.",
                HeaderName="Content-Length",
                HeaderValue=str(request.body.length),
            )
        size = self._store.size_bytes(grant.volume_id)
        if start < size:
            self._store.clear(grant.volume_id, start, min(end, size) - start)
        if end > size:
            self._store.set_footer(grant.volume_id, bytes(FOOTER_BYTES))

    def _done(self, grant: Grant, now: datetime, headers: dict[str, str]) -> Response:
        changed_at = self._changes.note(grant.volume_id, now)
        headers |= {
            "ETag": etag(changed_at),
            "Last-Modified": format_datetime(changed_at, usegmt=True),
            "x-ms-blob-sequence-number": "0",
            "x-ms-request-server-encrypted": "true",
        }
        return Response(201, headers)
