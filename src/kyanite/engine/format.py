"""Magics, numbers, limits and names of ``docs/format``; everything else refers to these."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from kyanite.base.errors import Damaged, Invalid, UnknownFormat
from kyanite.base.units import KIB, MIB
from kyanite.engine.randomness import draw

FORMAT_VERSION: Final = 1

# Millions of names are taken apart: ``uuid.UUID`` is ten times slower.
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

REPOSITORY_MAGIC: Final = b"kyn-repo"
SLOT_MAGIC: Final = b"kyn-slot"
RING_MAGIC: Final = b"kyn-ring"
OBJECT_MAGIC: Final = b"kyanite\0"
PACK_MAGIC: Final = b"kyn-pack"
PACK_END_MAGIC: Final = b"kyn-pend"

ID_BYTES: Final = 32
KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
PACK_ID_BYTES: Final = 16
REPOSITORY_ID_BYTES: Final = 16

NO_ID: Final = bytes(ID_BYTES)  # "no page here"; as likely to be a real id as to guess a key

MAX_CHUNK_BYTES: Final = 4 * MIB
MAX_PACK_BYTES: Final = 64 * MIB
MAX_PACK_ORDINAL: Final = 2**22 - 1  # 128 TiB of usual packs in one session
MAX_OBJECT_BYTES: Final = 64 * MIB
MAX_SETTINGS_BYTES: Final = 64 * KIB

REPOSITORY_NAME: Final = "repository"
KEYS_PREFIX: Final = "keys/"
RINGS_PREFIX: Final = "rings/"
SESSIONS_PREFIX: Final = "sessions/"
PACKS_PREFIX: Final = "packs/"
INDEX_PREFIX: Final = "index/"
POINTS_PREFIX: Final = "points/"
TRACES_PREFIX: Final = "traces/"
CONDEMNED_PREFIX: Final = "condemned/"
EXPIRED_PREFIX: Final = "expired/"
LEDGER_PREFIX: Final = "ledger/"
DAMAGE_PREFIX: Final = "damage/"
VERIFIED_PREFIX: Final = "verified/"


class Kind(IntEnum):
    """What a sealed object is; part of its key, so that none passes for another."""

    SESSION = 1
    SEGMENT = 2
    POINT = 3
    VOID = 4
    CONDEMNED = 5
    WAITS = 6
    TRACE = 7
    EXPIRED = 8
    MOVES = 9
    LEDGER = 10
    DAMAGE = 11
    VERIFIED = 12


class Purpose(IntEnum):
    """First four bytes of a nonce: what is encrypted (docs/format/keys.md, "Nonces")."""

    CHUNK = 1
    PAGE = 2
    TABLE = 3
    OBJECT = 4
    RECIPE = 5
    MASTER_KEY = 6
    RING = 7
    NOTE = 8


class EntryType(IntEnum):
    """What an entry of a pack is."""

    CHUNK = 1
    PAGE = 2


class Codec(IntEnum):
    """How plain bytes were coded before they were sealed."""

    RAW = 0
    ZSTD = 1


def nonce(purpose: Purpose, number: int = 0) -> bytes:
    """The 96-bit nonce of a message."""
    return int(purpose).to_bytes(4, "little") + number.to_bytes(8, "little")


def id_of(text: str) -> bytes:
    """The 16 bytes of a UUID in text form; raises ``Invalid`` if it is none."""
    if not _UUID.fullmatch(text):
        raise Invalid(f"{text[:60]!r} is not the id of a session (a UUID in lower-case text).")
    return bytes.fromhex(text.replace("-", ""))


def is_session_id(text: str) -> bool:
    """Whether ``text`` is the id of a session; other names are not ours and are left alone."""
    return _UUID.fullmatch(text) is not None


def text_of(identifier: bytes) -> str:
    """A UUID of 16 bytes as text."""
    text = identifier.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def session_name(session_id: str) -> str:
    return f"{SESSIONS_PREFIX}{session_id}"


def point_name(session_id: str) -> str:
    """Where the session's point will stand, or its void."""
    return f"{POINTS_PREFIX}{session_id}"


def slot_name(slot_id: bytes) -> str:
    return f"{KEYS_PREFIX}{slot_id.hex()}"


def ring_name(repository_id: bytes, epoch: int) -> str:
    return f"{RINGS_PREFIX}{repository_id.hex()}/{epoch:08x}"


def pack_name(session_id: bytes, pack_id: bytes) -> str:
    return f"{PACKS_PREFIX}{text_of(session_id)}/{pack_id.hex()}"


def ordinal_of(pack_id: bytes) -> int:
    """The place of a pack among the packs of its session."""
    return int.from_bytes(pack_id[:4], "little")


def new_pack_id(ordinal: int) -> bytes:
    """A fresh id for a pack of a session; raises ``Invalid`` if it has too many."""
    if not 0 <= ordinal <= MAX_PACK_ORDINAL:
        raise Invalid(f"A session has at most {MAX_PACK_ORDINAL + 1} packs.")
    return ordinal.to_bytes(4, "little") + draw(PACK_ID_BYTES - 4)


def check_version(found: int, what: str) -> None:
    """Raise ``UnknownFormat`` unless this program reads version ``found``."""
    if found != FORMAT_VERSION:
        raise UnknownFormat(
            f"{what} has format version {found}, this program reads version {FORMAT_VERSION}; "
            "use the program that wrote it, or a newer one."
        )


def ensure(condition: bool, what: str) -> None:
    """Raise ``Damaged`` with ``what`` (a sentence) unless ``condition`` holds."""
    if not condition:
        raise Damaged(what)
