"""Reads on the disk data plane: properties, ranges of bytes, ranges of pages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from azlab.core.http import Request, Response
from azlab.core.state import State
from azlab.services.disks import admission
from azlab.services.disks.blob_errors import BlobError
from azlab.services.disks.byte_range import asked_range
from azlab.services.disks.changes import ChangeTimes
from azlab.services.disks.footer import FOOTER_BYTES, make_footer
from azlab.services.disks.grants import Grant
from azlab.services.disks.page_list import offset_of, page_list_xml, wanted_results
from azlab.services.disks.store import PageRun, PageStore, VolumeMissing

_PIECE_BYTES = 4 << 20
_HASHED_BYTES = 4 << 20
_PAGE_BYTES = 512
_DIFF_SINCE = "2019-07-07"
_PAGING_SINCE = "2020-10-02"


class DiskReader:
    """HEAD and GET of a SAS."""

    def __init__(self, state: State, store: PageStore, changes: ChangeTimes) -> None:
        self._state = state
        self._store = store
        self._changes = changes

    def properties(self, request: Request, account: str, container: str) -> Response:
        """Get Blob Properties: the length is that of the disk and its VHD footer."""
        admission.service_version(request)
        grant = admission.admit(self._state, request, account, container, "Read")
        headers = self._headers(grant)
        if refusal := _failed_condition(request, headers["ETag"]):
            raise refusal
        headers |= {
            "Content-Length": str(self._length(grant)),
            "x-ms-creation-time": format_datetime(grant.issued_at, usegmt=True),
            "x-ms-lease-status": "unlocked",
            "x-ms-lease-state": "available",
        }
        return Response(200, headers)

    def content(self, request: Request, account: str, container: str) -> Response:
        """Get Blob: any range of the disk's bytes and its footer."""
        admission.service_version(request)
        grant = admission.admit(self._state, request, account, container, "Read")
        headers = self._headers(grant)
        if refusal := _failed_condition(request, headers["ETag"]):
            raise refusal
        total = self._length(grant)
        asked = asked_range(request.headers)
        start, end = (0, total) if asked is None else asked.inside(total)
        if request.headers.get("x-ms-range-get-content-md5").lower() == "true":
            if asked is None or end - start > _HASHED_BYTES:
                raise BlobError(
                    400, "OutOfRangeInput", "A hash is only computed for ranges up to 4 MiB."
                )
            headers["Content-MD5"] = _md5(self._piece(grant, start, end - start))
        headers["Content-Length"] = str(end - start)
        if asked is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
        return Response(200 if asked is None else 206, headers, self._pieces(grant, start, end))

    def pages(self, request: Request, account: str, container: str) -> Response:
        """Get Page Ranges: what is allocated, or what changed since an older snapshot."""
        version = admission.service_version(request)
        grant = admission.admit(self._state, request, account, container, "Read")
        headers = self._headers(grant)
        if refusal := _failed_condition(request, headers["ETag"]):
            raise refusal
        total = self._length(grant)
        asked = asked_range(request.headers)
        start, end = (0, total) if asked is None else asked.inside(total)
        start -= start % _PAGE_BYTES
        end += -end % _PAGE_BYTES
        paged = version >= _PAGING_SINCE
        most = wanted_results(request.query.text("maxresults")) if paged else None
        start = max(start, offset_of(request.query.text("marker")) if paged else 0)
        enough = None if most is None else most + 1  # one more says that there is more
        if "x-ms-previous-snapshot-url" in request.headers:
            runs = self._differences(request, version, grant, (start, end), enough)
        else:
            runs = self._allocated(grant, start, end, enough)
        headers |= {"x-ms-blob-content-length": str(total), "Content-Type": "application/xml"}
        return Response(200, headers, page_list_xml(runs, most))

    def _allocated(self, grant: Grant, start: int, end: int, enough: int | None) -> list[PageRun]:
        size = self._store.size_bytes(grant.volume_id)
        runs = self._store.allocated(grant.volume_id, start, end, enough)
        if len(runs) == enough:
            return runs
        if start <= size < end:  # the footer is a page like any other
            if runs and runs[-1].offset + runs[-1].length == size:
                last = runs.pop()
                runs.append(PageRun(last.offset, last.length + FOOTER_BYTES))
            else:
                runs.append(PageRun(size, FOOTER_BYTES))
        return runs

    def _differences(
        self,
        request: Request,
        version: str,
        grant: Grant,
        window: tuple[int, int],
        enough: int | None,
    ) -> list[PageRun]:
        if version < _DIFF_SINCE:
            raise BlobError(
                400,
                "UnsupportedHeader",
                "One of the HTTP headers is not supported.",
                HeaderName="x-ms-previous-snapshot-url",
            )
        url = request.headers.get("x-ms-previous-snapshot-url")
        older = admission.previous_grant(self._state, url, request.now)
        if not grant.family or grant.family != older.family:
            raise BlobError(
                409,
                "BlobOverwritten",
                "The blob has been recreated since the previous snapshot was taken: the two are "
                "not incremental snapshots of one disk.",
            )
        if older.taken_at > grant.taken_at:
            raise BlobError(
                400,
                "PreviousSnapshotCannotBeNewer",
                "The prevsnapshot query parameter value cannot be newer than snapshot query "
                "parameter value.",
            )
        try:
            return self._store.differences(older.volume_id, grant.volume_id, *window, enough)
        except VolumeMissing:
            raise BlobError(
                409, "PreviousSnapshotNotFound", "The previous snapshot is not found."
            ) from None

    def _length(self, grant: Grant) -> int:
        try:
            return self._store.size_bytes(grant.volume_id) + FOOTER_BYTES
        except VolumeMissing:
            raise BlobError(404, "BlobNotFound", "The specified blob does not exist.") from None

    def _headers(self, grant: Grant) -> dict[str, str]:
        changed_at = self._changes.last(grant.volume_id, grant.issued_at)
        return {
            "ETag": etag(changed_at),
            "Last-Modified": format_datetime(changed_at, usegmt=True),
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "x-ms-blob-type": "PageBlob",
            "x-ms-blob-sequence-number": "0",
            "x-ms-server-encrypted": "true",
        }

    def _pieces(self, grant: Grant, start: int, end: int) -> Iterator[memoryview]:
        while start < end:
            length = min(_PIECE_BYTES, end - start)
            yield memoryview(self._piece(grant, start, length))
            start += length

    def _piece(self, grant: Grant, start: int, length: int) -> bytearray:
        """Bytes of the disk, and of the footer behind it."""
        size = self._store.size_bytes(grant.volume_id)
        end = start + length
        found = bytearray()
        if start < size:
            found = self._store.read(grant.volume_id, start, min(end, size) - start)
        if end > size:
            footer = self._store.footer(grant.volume_id)
            if footer is None:
                footer = make_footer(size, grant.volume_id, grant.issued_at)
                if grant.access == "Write":
                    footer = bytes(FOOTER_BYTES)  # nobody has uploaded one yet
            found += footer[max(start - size, 0) : end - size]
        return found


def etag(changed_at: datetime) -> str:
    """The entity tag of a blob that changed last at this moment."""
    return f'"0x8D{int(changed_at.timestamp() * 1_000_000):013X}"'


def _failed_condition(request: Request, tag: str) -> BlobError | None:
    wanted = request.headers.get("if-match")
    if wanted and wanted not in ("*", tag):
        return BlobError(
            412,
            "ConditionNotMet",
            "The condition specified using HTTP conditional header(s) is not met.",
        )
    if request.headers.get("if-none-match") in ("*", tag):
        return BlobError(304, "ConditionNotMet", "The blob has not changed.")
    return None


def _md5(data: bytes | bytearray) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
