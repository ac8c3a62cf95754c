"""Orders: exactly the rights and facts that one piece of work needs, and no more.

A **backup order** holds the keys of one session (which write its packs and read structure,
but no other machine's data), a storage credential that can read, list and create, and
read access to the snapshots. A **restore order** holds the keys of the packs it needs, a
storage credential that can only read, and write access to the new disks. Neither holds
the master key, and neither is ever written to a disk or an argument list: orders live in
memory and in the pipe. What is large (range lists, keys, recipe) travels by reference.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime

from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject, JsonValue, as_int, as_list, as_object, as_text
from kyanite.datamover.attachments import Attachments, ranges_from_bytes, ranges_to_bytes
from kyanite.engine.keys import BackupKeys, RestoreKeys
from kyanite.engine.point import Point
from kyanite.engine.ranges import RangeList
from kyanite.engine.session import SessionTicket


@dataclass(frozen=True)
class StorageAccess:
    """The repository: a SAS of its container and the folder in it."""

    container: SignedUrl
    folder: str
    tier: str = ""


@dataclass(frozen=True)
class SourceDisk:
    """A disk to back up, by a snapshot of it.

    With ``previous`` (a snapshot of the parent point's session) the mover asks Azure for
    the differences itself; ``changes`` gives them; with neither, everything that is
    allocated is read.
    """

    disk_id: str
    name: str
    size_bytes: int
    source: SignedUrl
    previous: SignedUrl | None = None
    changes: RangeList | None = None


@dataclass(frozen=True)
class TargetDisk:
    """A disk of the point and the upload disk its bytes go to. Holes are never sent.

    ``already`` are ranges that an earlier attempt has written.
    """

    disk_id: str
    size_bytes: int
    target: SignedUrl
    already: RangeList = field(default_factory=RangeList.empty)


@dataclass(frozen=True)
class BackupOrder:
    """Back up the disks of one machine into one point. ``epoch`` is the session's."""

    epoch: int
    keys: BackupKeys
    ticket: SessionTicket
    storage: StorageAccess
    disks: tuple[SourceDisk, ...]
    recipe: bytes = field(repr=False)
    ca_file: str | None = None
    lock_until: datetime | None = None
    """Written into the point: until when what it needs shall be locked."""

    kind = "backup"

    def to_json(self, attachments: Attachments) -> JsonObject:
        """The order for the wire; what is large goes into ``attachments``."""
        return {
            "keys": base64.b64encode(self.keys.to_bytes()).decode(),
            "ticket": self.ticket.to_json(),
            "storage": _storage_to_json(self.storage),
            "recipe": attachments.add(self.recipe),
            "caFile": self.ca_file,
            "lockUntil": self.lock_until.isoformat() if self.lock_until else None,
            "disks": [
                {
                    "diskId": disk.disk_id,
                    "name": disk.name,
                    "sizeBytes": disk.size_bytes,
                    "source": disk.source.reveal(),
                    "previous": disk.previous.reveal() if disk.previous else None,
                    "changes": _ranges_to_json(disk.changes, attachments),
                }
                for disk in self.disks
            ],
        }

    @classmethod
    def from_json(cls, epoch: int, body: JsonObject, attachments: Attachments) -> BackupOrder:
        """Read an order. Raises ``Invalid``."""
        return cls(
            epoch,
            BackupKeys.from_bytes(_decoded(body.get("keys"))),
            SessionTicket.from_json(as_object(body.get("ticket"))),
            _storage_from_json(as_object(body.get("storage"))),
            tuple(
                _source_from_json(as_object(disk), attachments)
                for disk in as_list(body.get("disks"))
            ),
            attachments.get(as_text(body.get("recipe"))),
            as_text(body.get("caFile")) or None,
            _time_from_json(body.get("lockUntil")),
        )


@dataclass(frozen=True)
class RestoreOrder:
    """Bring disks of one point back. ``point`` carries its structure; the recipe stays here."""

    epoch: int
    keys: RestoreKeys
    point: Point
    storage: StorageAccess
    disks: tuple[TargetDisk, ...]
    ca_file: str | None = None

    kind = "restore"

    def to_json(self, attachments: Attachments) -> JsonObject:
        """The order for the wire; what is large goes into ``attachments``."""
        return {
            "keys": attachments.add(self.keys.to_bytes()),
            "point": attachments.add(self.point.to_structure()),
            "storage": _storage_to_json(self.storage),
            "caFile": self.ca_file,
            "disks": [
                {
                    "diskId": disk.disk_id,
                    "sizeBytes": disk.size_bytes,
                    "target": disk.target.reveal(),
                    "already": _ranges_to_json(disk.already, attachments),
                }
                for disk in self.disks
            ],
        }

    @classmethod
    def from_json(cls, epoch: int, body: JsonObject, attachments: Attachments) -> RestoreOrder:
        """Read an order. Raises ``Invalid``."""
        return cls(
            epoch,
            RestoreKeys.from_bytes(attachments.get(as_text(body.get("keys")))),
            Point.from_structure(attachments.get(as_text(body.get("point")))),
            _storage_from_json(as_object(body.get("storage"))),
            tuple(
                TargetDisk(
                    as_text(disk.get("diskId")),
                    as_int(disk.get("sizeBytes")),
                    SignedUrl.parse(as_text(disk.get("target"))),
                    _ranges_from_json(disk.get("already"), attachments) or RangeList.empty(),
                )
                for disk in (as_object(entry) for entry in as_list(body.get("disks")))
            ),
            as_text(body.get("caFile")) or None,
        )


@dataclass(frozen=True)
class BackupOutcome:
    """What a backup did.

    ``committed_before``: an earlier attempt had committed the point already, and the
    numbers are its. ``read_in_full``: disks whose differences Azure could not tell although
    a previous snapshot was given, each with the reason.
    """

    kind: str
    read_bytes: int
    processed_bytes: int
    stored_bytes: int
    transferred_bytes: int
    committed_before: bool
    read_in_full: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> JsonObject:
        """For the wire."""
        return {
            "kind": self.kind,
            "readBytes": self.read_bytes,
            "processedBytes": self.processed_bytes,
            "storedBytes": self.stored_bytes,
            "transferredBytes": self.transferred_bytes,
            "committedBefore": self.committed_before,
            "readInFull": [list(entry) for entry in self.read_in_full],
        }

    @classmethod
    def from_json(cls, body: JsonObject) -> BackupOutcome:
        """What ``to_json`` wrote."""
        entries = (as_list(entry) for entry in as_list(body.get("readInFull")))
        return cls(
            as_text(body.get("kind")),
            as_int(body.get("readBytes")),
            as_int(body.get("processedBytes")),
            as_int(body.get("storedBytes")),
            as_int(body.get("transferredBytes")),
            body.get("committedBefore") is True,
            tuple((as_text(e[0]), as_text(e[1])) for e in entries if len(e) > 1),
        )


@dataclass(frozen=True)
class RestoreOutcome:
    """What a restore did."""

    written_bytes: int
    read_bytes: int

    def to_json(self) -> JsonObject:
        """For the wire."""
        return {"writtenBytes": self.written_bytes, "readBytes": self.read_bytes}

    @classmethod
    def from_json(cls, body: JsonObject) -> RestoreOutcome:
        """What ``to_json`` wrote."""
        return cls(as_int(body.get("writtenBytes")), as_int(body.get("readBytes")))


def _source_from_json(body: JsonObject, attachments: Attachments) -> SourceDisk:
    previous = as_text(body.get("previous"))
    return SourceDisk(
        as_text(body.get("diskId")),
        as_text(body.get("name")),
        as_int(body.get("sizeBytes")),
        SignedUrl.parse(as_text(body.get("source"))),
        SignedUrl.parse(previous) if previous else None,
        _ranges_from_json(body.get("changes"), attachments),
    )


def _storage_to_json(storage: StorageAccess) -> JsonObject:
    return {
        "container": storage.container.reveal(),
        "folder": storage.folder,
        "tier": storage.tier,
    }


def _storage_from_json(body: JsonObject) -> StorageAccess:
    return StorageAccess(
        SignedUrl.parse(as_text(body.get("container"))),
        as_text(body.get("folder")),
        as_text(body.get("tier")),
    )


def _ranges_to_json(ranges: RangeList | None, attachments: Attachments) -> JsonValue:
    return None if ranges is None else attachments.add(ranges_to_bytes(ranges))


def _ranges_from_json(reference: JsonValue, attachments: Attachments) -> RangeList | None:
    if reference is None:
        return None
    return ranges_from_bytes(attachments.get(as_text(reference)))


def _decoded(value: JsonValue) -> bytes:
    try:
        return base64.b64decode(as_text(value), validate=True)
    except binascii.Error as error:
        raise Invalid("The keys of the order are not readable.") from error


def _time_from_json(text: JsonValue) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(as_text(text))
    except ValueError as error:
        raise Invalid("The order has a time that is none.") from error
