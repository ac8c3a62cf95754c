"""The words appliance and data mover use. Version 1; see ``frames`` for how they travel.

To the mover: ``Part``, ``Order``, ``Credential``, ``Limit``, ``Cancel``.
To the appliance: ``Progress``, ``CredentialNeed``, ``DiskWritten``, ``Result``.
Each may arrive twice without harm: parts and orders are known by their content, the last
limit, credential and progress count, cancelling twice is cancelling.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Invalid, KyaniteError
from kyanite.base.json_types import JsonObject, as_int, as_object, as_text
from kyanite.datamover.failures import failure_from_json, failure_to_json

CredentialKind: TypeAlias = Literal["source", "previous", "storage", "target", "keys"]
_CREDENTIAL_KINDS: Final[tuple[CredentialKind, ...]] = (
    "source",
    "previous",
    "storage",
    "target",
    "keys",
)


@dataclass(frozen=True)
class Part:
    """A piece of something an order refers to by ``digest`` (SHA-256 of the whole, hex)."""

    digest: str
    index: int
    count: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Order:
    """What to do: ``kind`` is ``backup`` or ``restore``, ``body`` as in ``orders``. Secret."""

    kind: str
    epoch: int
    body: JsonObject = field(repr=False)


@dataclass(frozen=True)
class CredentialNeed:
    """An access has ended: ``kind`` says which, ``disk_id`` of which disk (not for storage).

    ``keys``: what the order needs was moved to packs that its keys do not open.
    """

    number: int
    kind: CredentialKind
    disk_id: str = ""


@dataclass(frozen=True)
class Credential:
    """The answer to a need: another access, or why there is none.

    ``keys``: the digest of restore keys that were sent before, as parts.
    """

    number: int
    url: SignedUrl | None = None
    failure: KyaniteError | None = None
    keys: str = ""


@dataclass(frozen=True)
class Limit:
    """What a mover may take from now on; ``None``: as much as it likes.

    bytes_per_second  of disks and of the storage, each
    uploads           packs on their way to the storage at once
    buffers           packs in memory: the memory of a backup
    """

    bytes_per_second: int | None = None
    uploads: int | None = None
    buffers: int | None = None


@dataclass(frozen=True)
class Cancel:
    """Stop, with ``Cancelled`` or (``lease_lost``) ``LeaseLost`` as the result."""

    lease_lost: bool = False


@dataclass(frozen=True)
class Progress:
    """Totals so far; each only grows. ``total_bytes`` is 0 until the ranges are known."""

    total_bytes: int = 0
    read_bytes: int = 0
    processed_bytes: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True)
class DiskWritten:
    """A disk of a restore is whole: every byte and its footer are there."""

    disk_id: str
    written_bytes: int
    read_bytes: int


@dataclass(frozen=True)
class Result:
    """The end: ``outcome`` as in ``orders``, or the error."""

    outcome: JsonObject | None = None
    failure: KyaniteError | None = None


Message: TypeAlias = (
    Part | Order | CredentialNeed | Credential | Limit | Cancel | Progress | DiskWritten | Result
)


def encode_message(message: Message) -> tuple[str, JsonObject, bytes]:
    """Kind, body and payload of a frame."""
    match message:
        case Part(digest, index, count, data):
            return "part", {"digest": digest, "index": index, "count": count}, data
        case Order(kind, epoch, body):
            return "order", {"kind": kind, "epoch": epoch, "order": body}, b""
        case CredentialNeed(number, kind, disk_id):
            return "need", {"number": number, "kind": kind, "diskId": disk_id}, b""
        case Credential(number, url, failure, keys):
            return (
                "credential",
                {
                    "number": number,
                    "url": url.reveal() if url else None,
                    "failure": failure_to_json(failure) if failure else None,
                    "keys": keys,
                },
                b"",
            )
        case Limit(rate, uploads, buffers):
            body = {"bytesPerSecond": rate, "uploads": uploads, "buffers": buffers}
            return "limit", body, b""
        case Cancel(lease_lost):
            return "cancel", {"leaseLost": lease_lost}, b""
        case Progress(total, read, processed, stored):
            return (
                "progress",
                {"total": total, "read": read, "processed": processed, "stored": stored},
                b"",
            )
        case DiskWritten(disk_id, written, read):
            return "written", {"diskId": disk_id, "written": written, "read": read}, b""
        case Result(outcome, failure):
            body = {"outcome": outcome, "failure": failure_to_json(failure) if failure else None}
            return "result", body, b""


def decode_message(kind: str, body: JsonObject, payload: bytes) -> Message:
    """The message of a frame. Raises ``Invalid`` for an unknown kind."""
    failure = as_object(body.get("failure"))
    match kind:
        case "part":
            return Part(
                as_text(body.get("digest")),
                as_int(body.get("index")),
                as_int(body.get("count")),
                payload,
            )
        case "order":
            return Order(
                as_text(body.get("kind")), as_int(body.get("epoch")), as_object(body.get("order"))
            )
        case "need":
            return CredentialNeed(
                as_int(body.get("number")),
                _credential_kind(as_text(body.get("kind"))),
                as_text(body.get("diskId")),
            )
        case "credential":
            url = as_text(body.get("url"))
            return Credential(
                as_int(body.get("number")),
                SignedUrl.parse(url) if url else None,
                failure_from_json(failure) if failure else None,
                as_text(body.get("keys")),
            )
        case "limit":
            members = ("bytesPerSecond", "uploads", "buffers")
            return Limit(*(as_int(body.get(name)) or None for name in members))
        case "cancel":
            return Cancel(body.get("leaseLost") is True)
        case "progress":
            names = ("total", "read", "processed", "stored")
            return Progress(*(as_int(body.get(name)) for name in names))
        case "written":
            return DiskWritten(
                as_text(body.get("diskId")), as_int(body.get("written")), as_int(body.get("read"))
            )
        case "result":
            outcome = body.get("outcome")
            return Result(
                as_object(outcome) if outcome is not None else None,
                failure_from_json(failure) if failure else None,
            )
    raise Invalid(f"The data mover's protocol has no message '{kind}'.")


def _credential_kind(text: str) -> CredentialKind:
    for kind in _CREDENTIAL_KINDS:
        if kind == text:
            return kind
    raise Invalid(f"There is no credential '{text}'.")
