"""Blob Batch: up to 256 deletions or tier changes in one multipart request.

Each part is a request of its own, with its own credential, and gets its own answer.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.client import responses as reasons
from urllib.parse import parse_qsl, unquote

from azlab.services.storage_blob.errors import StorageError, bad_header
from azlab.services.storage_blob.request import BlobRequest, BlobResponse, BytesBody, read_all
from azlab.services.storage_blob.service import BlobService, Call, Operation
from azlab.services.storage_blob.store import containers

MAX_PARTS = 256
MAX_BATCH_BYTES = 4 << 20
_BOUNDARY = re.compile(r'multipart/mixed;\s*boundary="?([^";]{1,70})"?', re.IGNORECASE)

Answer = Callable[[BlobService, Operation, BlobRequest, str, str, str], BlobResponse]


def batch(
    call: Call, parts_allowed: Mapping[tuple[str, str], Operation], answer: Answer
) -> BlobResponse:
    """`parts_allowed` is found by method and `comp`; `answer` runs one part."""
    match = _BOUNDARY.fullmatch((call.request.header("content-type") or "").strip())
    if match is None:
        raise bad_header("Content-Type", call.request.header("content-type") or "")
    try:
        body = read_all(call.request.body, MAX_BATCH_BYTES)
    except ValueError:
        raise StorageError("RequestBodyTooLarge") from None
    parts = _split(body.decode("utf-8", "replace"), match[1])
    if not 1 <= len(parts) <= MAX_PARTS:
        raise StorageError("InvalidInput", message="A batch holds 1 to 256 requests.")
    boundary = f"batchresponse_{uuid.uuid4()}"
    # All parts are read before the first is run: a batch that is refused has changed nothing.
    planned = [(part, *_plan(call, text, parts_allowed)) for part, text in parts]
    pieces = []
    for content_id, request, operation, container, blob in planned:
        response = answer(call.service, operation, request, call.account.name, container, blob)
        pieces.append(_render(boundary, content_id, response))
    document = "".join(pieces) + f"--{boundary}--\r\n"
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
    return BlobResponse(202, headers, document.encode())


def _plan(
    call: Call, text: str, parts_allowed: Mapping[tuple[str, str], Operation]
) -> tuple[BlobRequest, Operation, str, str]:
    request = _request(call.request, text)
    operation = parts_allowed.get((request.method, request.query.get("comp", "")))
    if operation is None:
        raise StorageError("InvalidInput", message="A batch only deletes or sets tiers.")
    container, blob = _address(call, request)
    if call.container and container != call.container:
        raise StorageError("InvalidInput", message="The part names another container.")
    return request, operation, container, blob


def _split(text: str, boundary: str) -> list[tuple[str, str]]:
    """(Content-ID, the embedded request) of each part."""
    found = []
    pieces = ("\n" + text.replace("\r\n", "\n")).split(f"\n--{boundary}")
    if len(pieces) < 2 or not pieces[-1].startswith("--"):
        raise StorageError("InvalidInput", message="The batch is not well formed.")
    for piece in pieces[1:-1]:
        head, separator, request = piece.lstrip("\n").partition("\n\n")
        if not separator:
            raise StorageError("InvalidInput", message="A part of the batch has no request.")
        headers = _headers(head.split("\n"))
        if headers.get("content-type", "").lower() != "application/http":
            raise StorageError("InvalidInput", message="A part is not of type application/http.")
        found.append((headers.get("content-id", ""), request))
    return found


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if separator:
            headers[name.strip().lower()] = value.strip()
    return headers


def _request(outer: BlobRequest, text: str) -> BlobRequest:
    head, _, _ = text.partition("\n\n")
    lines = head.split("\n")
    first = lines[0].split(" ")
    if len(first) < 2 or not first[1].startswith("/"):
        raise StorageError("InvalidInput", message="A part has no request line.")
    raw_path, _, query = first[1].partition("?")
    headers = _headers(lines[1:])
    return replace(
        outer,
        method=first[0],
        path=unquote(raw_path),
        raw_path=raw_path,
        query={name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)},
        headers=headers,
        body=BytesBody(),
        request_id=str(uuid.uuid4()),
        inherited_version=outer.version,
    )


def _address(call: Call, request: BlobRequest) -> tuple[str, str]:
    """Container and blob of a part.

    The official clients leave the account out of a part's path even in path style, others write
    the whole path. A leading account is taken off unless a container has that very name.
    """
    segments = request.path.lstrip("/").split("/")
    if len(segments) > 2 and segments[0] == call.account.name:
        with call.database.transaction() as tx:
            if containers.find(tx, call.account.name, segments[0]) is None:
                segments = segments[1:]
    if len(segments) < 2:
        raise StorageError("InvalidInput", message="A part of the batch names no blob.")
    return segments[0], "/".join(segments[1:])


def _render(boundary: str, content_id: str, response: BlobResponse) -> str:
    assert isinstance(response.body, bytes)
    lines = [f"--{boundary}", "Content-Type: application/http"]
    if content_id:
        lines.append(f"Content-ID: {content_id}")
    reason = reasons.get(response.status, "")
    lines += ["", f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines.append(f"Content-Length: {len(response.body)}")
    return "\r\n".join(lines) + "\r\n\r\n" + response.body.decode() + "\r\n"
