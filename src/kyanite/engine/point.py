"""Points: one machine at one time (docs/format/objects.md, "Point").

A point has two parts: the structure, which the maintenance key opens, and the recipe,
sealed under the session root with the hash of the structure bound in.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged, Invalid, WrongKey
from kyanite.base.json_types import JsonObject, JsonValue, as_int, as_list, as_object, as_text
from kyanite.base.units import TIB
from kyanite.engine.compression import compress, decompress
from kyanite.engine.format import (
    FORMAT_VERSION,
    ID_BYTES,
    MAX_OBJECT_BYTES,
    NO_ID,
    Kind,
    Purpose,
    check_version,
    ensure,
    id_of,
    nonce,
    point_name,
    text_of,
)
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.keys import recipe_key
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet, needs_from_json, needs_to_json
from kyanite.engine.pages import NO_PAGE, PageRef
from kyanite.engine.randomness import draw
from kyanite.engine.sealed_object import seal, unseal

RootOf: TypeAlias = Callable[[str, int], bytes | None]
"""The session root by session id and epoch; ``None`` from those who do not have it."""

_RECIPE_HEAD: Final = struct.Struct("<16sBQ")
_RECIPE_LEVEL: Final = 3
PAGE_NEED: Final = 1  # what a page counts for in the needs of a disk
_LARGEST_DISK_BYTES: Final = 1024 * TIB  # 16 times what Azure has; bounds the work of a reader


@dataclass(frozen=True, slots=True)
class PointDisk:
    """A disk in a point: the root of its list. ``inner`` has ``NO_PAGE`` where all is zero.

    ``needs``: every pack in which a page or chunk of the disk is, and how many bytes of the
    disk stand in it (a page counts as one).
    """

    disk_id: str
    name: str
    size_bytes: int
    page_span_bytes: int
    inner_fanout: int
    inner: tuple[PageRef, ...]
    needs: Mapping[PackNumber, int] = field(hash=False)

    @property
    def span_count(self) -> int:
        return -(-self.size_bytes // self.page_span_bytes)

    def span_offset(self, number: int) -> int:
        return number * self.page_span_bytes

    def span_length(self, number: int) -> int:
        return min(self.page_span_bytes, self.size_bytes - self.span_offset(number))


@dataclass(frozen=True, slots=True)
class Point:
    """A restore point.

    stored_bytes       what its session added to the repository
    read_bytes         what was read from the source
    processed_bytes    what the backup had to look at, zeros included
    transferred_bytes  what was sent to the storage by the run that committed
    recipe             what was backed up, as the caller gave it; empty when not opened
    epoch              of the key that its recipe is sealed with
    lock_until         until when everything it needs shall be locked, ISO 8601 UTC
    """

    session_id: str
    machine_id: str
    label: str
    created_at: str
    kind: str
    parent: str | None
    disks: tuple[PointDisk, ...]
    stored_bytes: int
    read_bytes: int
    processed_bytes: int
    transferred_bytes: int
    recipe: bytes = b""
    epoch: int = 0
    lock_until: str | None = None

    def disk(self, disk_id: str) -> PointDisk | None:
        """The disk of that id."""
        return next((disk for disk in self.disks if disk.disk_id == disk_id), None)

    def packs(self) -> PackSet:
        """Every pack that the point names."""
        return PackSet(number for disk in self.disks for number in disk.needs)

    def to_structure(self) -> bytes:
        """Everything but the recipe, as JSON; always the same for the same point."""
        return to_json_bytes(
            {
                "format": FORMAT_VERSION,
                "session_id": self.session_id,
                "machine_id": self.machine_id,
                "label": self.label,
                "created_at": self.created_at,
                "kind": self.kind,
                "parent": self.parent,
                "stored_bytes": self.stored_bytes,
                "read_bytes": self.read_bytes,
                "processed_bytes": self.processed_bytes,
                "transferred_bytes": self.transferred_bytes,
                "epoch": self.epoch,
                "lock_until": self.lock_until,
                "disks": [_disk_to_json(disk) for disk in self.disks],
            }
        )

    @classmethod
    def from_structure(cls, structure: bytes) -> Point:
        """A point without its recipe. Raises ``Damaged`` for values that make no sense."""
        body = from_json_bytes("The structure of a point", structure)
        check_version(as_int(body.get("format")), "A point")
        parent, lock_until = body.get("parent"), body.get("lock_until")
        return cls(
            as_text(body.get("session_id")),
            as_text(body.get("machine_id")),
            as_text(body.get("label")),
            as_text(body.get("created_at")),
            as_text(body.get("kind")),
            parent if isinstance(parent, str) else None,
            tuple(_disk_from_json(as_object(disk)) for disk in as_list(body.get("disks"))),
            as_int(body.get("stored_bytes")),
            as_int(body.get("read_bytes")),
            as_int(body.get("processed_bytes")),
            as_int(body.get("transferred_bytes")),
            epoch=as_int(body.get("epoch")),
            lock_until=None if lock_until is None else _time(as_text(lock_until)),
        )


def _time(text: str) -> str:
    """``text`` if it is a time with its zone; raises ``Damaged``."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Damaged("A point has a time that is none.") from None
    ensure(time.tzinfo is not None and 1970 < time.year < 9000, "A point has a time that is none.")
    return text


def encode_point(
    point: Point, session_root: bytes, maintenance_key: bytes, repository_id: bytes
) -> bytes:
    """The object to put under the point's name; only the session's own root can make it."""
    structure = point.to_structure()
    salt = draw(16)
    codec, coded = compress(point.recipe, _RECIPE_LEVEL)
    head = _RECIPE_HEAD.pack(salt, codec, len(point.recipe))
    context = _recipe_context(head, structure, repository_id, point.session_id)
    sealed = AESGCM(recipe_key(session_root, salt)).encrypt(nonce(Purpose.RECIPE), coded, context)
    body = to_json_bytes({"structure": structure.decode(), "recipe": (head + sealed).hex()})
    return seal(Kind.POINT, point_name(point.session_id), body, maintenance_key, repository_id)


def decode_point(
    session_id: str,
    data: bytes,
    maintenance_key: bytes,
    repository_id: bytes,
    root_of: RootOf | None = None,
) -> Point:
    """A point from its object.

    With the session root of its epoch the recipe is opened, which proves that the session
    itself wrote this point; without it the recipe stays empty. Raises ``Damaged`` or
    ``WrongKey``.
    """
    name = point_name(session_id)
    body = from_json_bytes(name, unseal(Kind.POINT, name, data, maintenance_key, repository_id))
    structure = as_text(body.get("structure")).encode()
    point = Point.from_structure(structure)
    ensure(point.session_id == session_id, f"{name} is the point of another session.")
    session_root = root_of(session_id, point.epoch) if root_of else None
    if session_root is None:
        return point
    try:
        recipe = bytes.fromhex(as_text(body.get("recipe")))
    except ValueError:
        raise Damaged(f"The recipe of {name} is damaged.") from None
    ensure(len(recipe) > _RECIPE_HEAD.size, f"The recipe of {name} is cut short.")
    head = recipe[: _RECIPE_HEAD.size]
    salt, codec, plain_length = _RECIPE_HEAD.unpack(head)
    ensure(plain_length <= MAX_OBJECT_BYTES, f"The recipe of {name} is impossibly long.")
    context = _recipe_context(head, structure, repository_id, session_id)
    try:
        coded = AESGCM(recipe_key(session_root, salt)).decrypt(
            nonce(Purpose.RECIPE), recipe[_RECIPE_HEAD.size :], context
        )
    except InvalidTag:
        raise WrongKey(
            f"The recipe of {name} does not open: its session did not write this point."
        ) from None
    return replace(point, recipe=bytes(decompress(codec, coded, plain_length)))


def _recipe_context(head: bytes, structure: bytes, repository_id: bytes, session_id: str) -> bytes:
    version = FORMAT_VERSION.to_bytes(2, "little")
    return version + repository_id + id_of(session_id) + head + blake3(structure).digest()


def _disk_to_json(disk: PointDisk) -> JsonValue:
    return {
        "disk_id": disk.disk_id,
        "name": disk.name,
        "size_bytes": disk.size_bytes,
        "page_span_bytes": disk.page_span_bytes,
        "inner_fanout": disk.inner_fanout,
        "inner": [_page_to_json(page) for page in disk.inner],
        "needs": needs_to_json(disk.needs),
    }


def _disk_from_json(body: JsonObject) -> PointDisk:
    disk = PointDisk(
        as_text(body.get("disk_id")),
        as_text(body.get("name")),
        as_int(body.get("size_bytes")),
        as_int(body.get("page_span_bytes")),
        as_int(body.get("inner_fanout")),
        tuple(_page_from_json(page) for page in as_list(body.get("inner"))),
        needs_from_json(as_object(body.get("needs"))),
    )
    ensure(
        0 <= disk.size_bytes <= _LARGEST_DISK_BYTES
        and 4096 <= disk.page_span_bytes < 2**31
        and 1 <= disk.inner_fanout <= 4096
        and len(disk.inner) == -(-disk.span_count // disk.inner_fanout),
        "A point has a disk whose sizes make no sense.",
    )
    return disk


def _page_to_json(page: PageRef) -> JsonValue:
    if page.pack is None:
        return []
    return [page.page_id.hex(), text_of(page.pack.session_id), page.pack.ordinal]


def _page_from_json(value: JsonValue) -> PageRef:
    parts = as_list(value)
    if value == []:
        return NO_PAGE
    ensure(len(parts) == 3, "A point has a page that makes no sense.")
    page_id, session, ordinal = as_text(parts[0]), as_text(parts[1]), as_int(parts[2])
    try:
        page = PageRef(bytes.fromhex(page_id), PackNumber(id_of(session), ordinal))
    except (ValueError, Invalid):
        raise Damaged("A point has a page id that is none.") from None
    ensure(
        len(page.page_id) == ID_BYTES and page.page_id != NO_ID and 0 <= ordinal < 2**32,
        "A point has a page id that is none.",
    )
    return page
