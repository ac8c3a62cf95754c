"""The blob port: turns the lab's requests into those of the blob service and back."""

from functools import partial

from azlab.core.body import BodyReader
from azlab.core.http import Request, Response
from azlab.core.routing import Router
from azlab.core.service import Lab
from azlab.services.storage_blob import dispatch
from azlab.services.storage_blob.errors import StorageError, error_document
from azlab.services.storage_blob.operations.put_blob import MAX_PUT_BYTES
from azlab.services.storage_blob.operations.table import OPERATIONS
from azlab.services.storage_blob.request import BlobRequest, BlobResponse
from azlab.services.storage_blob.service import BlobService, Operation

_TEMPLATES = {
    "service": ("/{account}", "/{account}/"),
    "container": ("/{account}/{container}",),
    "blob": ("/{account}/{container}/{blob*}",),
}
_LOOPBACK = "127.0.0.1"  # the lab listens nowhere else, so every client has this address
_DRAIN_BYTES = 1 << 20


def register(lab: Lab, service: BlobService) -> None:
    router = lab.routers["blob"] = Router(
        "blob",
        render_error,
        discriminators=("comp", "restype"),
        max_body_bytes=MAX_PUT_BYTES + (1 << 20),
    )
    for operation in OPERATIONS:
        for template in _TEMPLATES[operation.level]:
            router.add(
                operation.method,
                template,
                partial(_handle, lab, service, operation),
                operation=operation.name,
                query=operation.query,
                header=operation.selector,
                note=operation.note,
            )


def render_error(request: Request, status: int, code: str, message: str) -> Response:
    """What the server answers by itself: faults, unknown paths, its own mistakes."""
    document = error_document(code, message, request.request_id, request.now)
    headers = {
        "Content-Type": "application/xml",
        "x-ms-error-code": code,
        "x-ms-request-id": request.request_id,
    }
    return Response(status, headers, document)


class _SizedBody:
    """A body whose length is known, as every operation here needs."""

    def __init__(self, reader: BodyReader, length: int) -> None:
        self.length = length
        self._reader = reader

    def readinto(self, buffer: memoryview) -> int:
        return self._reader.readinto(buffer)


def _handle(
    lab: Lab,
    service: BlobService,
    operation: Operation,
    request: Request,
    account: str,
    container: str = "",
    blob: str = "",
) -> Response:
    asked = _asked(lab, request)
    if request.body.length is None:
        error = StorageError("MissingContentLengthHeader")
        return _response(dispatch.error_response(error, asked))
    answer = dispatch.answer(service, operation, asked, account, container, blob)
    if answer.status >= 400:
        _drain(request)
    return _response(answer)


def _asked(lab: Lab, request: Request) -> BlobRequest:
    return BlobRequest(
        method=request.method,
        path=request.path,
        raw_path=request.raw_path,
        query={name.lower(): value for name, value in request.query.items()},
        headers=dict(request.headers.items()),
        body=_SizedBody(request.body, request.body.length or 0),
        base_url=request.base_url,
        client_ip=_LOOPBACK,
        now=request.now,
        real_now=lab.clock.real_now(),
        request_id=request.request_id,
    )


def _drain(request: Request) -> None:
    """Takes what a refused client still sends, since most read the answer only afterwards.

    Whoever waits for `100 Continue` is told at once instead.
    """
    if request.body.begun or not request.headers.get("expect"):
        for _ in request.body.chunks(_DRAIN_BYTES):
            pass


def _response(answer: BlobResponse) -> Response:
    headers = dict(answer.headers)
    if answer.content_length is not None:
        headers["Content-Length"] = str(answer.content_length)
    return Response(answer.status, headers, answer.body)
