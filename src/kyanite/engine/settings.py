"""The repository object: who this repository is, and how writers shall write."""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from kyanite.base.errors import Damaged, Invalid, UnknownFormat
from kyanite.base.json_types import JsonObject, as_int, as_object, as_text
from kyanite.base.units import GIB, KIB, MIB
from kyanite.engine.format import (
    FORMAT_VERSION,
    MAX_CHUNK_BYTES,
    MAX_PACK_BYTES,
    MAX_SETTINGS_BYTES,
    REPOSITORY_MAGIC,
    check_version,
    ensure,
)
from kyanite.engine.keys import settings_key
from kyanite.engine.sealed_object import from_json_bytes, to_json_bytes

# What a chunk takes in a leaf page, and a leaf page in an inner page, if each is in another
# pack: ids, numbers and the names of the packs.
LEAF_CHUNK_BYTES: Final = 58
INNER_LEAF_BYTES: Final = 54
MAX_LEAF_CHUNKS: Final = 1 << 16

_HEADER: Final = struct.Struct("<8sHHI16s")
_MAC_BYTES: Final = 32
MAX_REPOSITORY_BYTES: Final = _HEADER.size + MAX_SETTINGS_BYTES + _MAC_BYTES


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """How writers write. Readers need none of it (docs/format/objects.md, "repository").

    cut_kind         how disks are cut into chunks: ``fixed`` at multiples of ``cut_bytes``
    page_span_bytes  bytes of a disk that one leaf page lists
    inner_fanout     leaf pages under one inner page
    """

    cut_kind: str = "fixed"
    cut_bytes: int = 512 * KIB
    pack_bytes: int = 32 * MIB
    zstd_level: int = 1
    page_span_bytes: int = GIB
    inner_fanout: int = 256

    def __post_init__(self) -> None:
        """Raise ``Invalid`` for settings no writer could follow."""
        if self.cut_kind not in ("fixed",):
            raise Invalid(f"Unknown way to cut disks: {self.cut_kind[:40]!r}.")
        if not 4 * KIB <= self.cut_bytes <= MAX_CHUNK_BYTES or self.cut_bytes % 4096:
            raise Invalid("Chunks have 4 KiB to 4 MiB, in steps of 4 KiB.")
        if not self.cut_bytes + 8 * KIB <= self.pack_bytes <= MAX_PACK_BYTES:
            raise Invalid("A pack has at most 64 MiB and holds at least one chunk.")
        if not -7 <= self.zstd_level <= 19:
            raise Invalid("zstd levels go from -7 to 19.")
        if not self.cut_bytes <= self.page_span_bytes < 2**31:
            raise Invalid("A page lists at least one chunk and less than 2 GiB.")
        if self.page_span_bytes % self.cut_bytes or not 1 <= self.inner_fanout <= 4096:
            raise Invalid("Pages hold whole chunks, inner pages at most 4096 pages.")
        chunks = self.page_span_bytes // self.cut_bytes
        if chunks > MAX_LEAF_CHUNKS:
            raise Invalid("A page lists at most 65536 chunks.")
        longest_page = max(chunks * LEAF_CHUNK_BYTES, self.inner_fanout * INNER_LEAF_BYTES)
        if longest_page + 8 * KIB > min(MAX_CHUNK_BYTES, self.pack_bytes):
            raise Invalid("A page must fit into a pack, and is at most as long as a chunk may be.")

    def to_json(self) -> JsonObject:
        return {
            "cut": {"kind": self.cut_kind, "size": self.cut_bytes},
            "pack_bytes": self.pack_bytes,
            "zstd_level": self.zstd_level,
            "page_span_bytes": self.page_span_bytes,
            "inner_fanout": self.inner_fanout,
        }

    @classmethod
    def from_json(cls, document: JsonObject) -> RepositorySettings:
        cut = as_object(document.get("cut"))
        return cls(
            as_text(cut.get("kind")),
            as_int(cut.get("size")),
            as_int(document.get("pack_bytes")),
            as_int(document.get("zstd_level")),
            as_int(document.get("page_span_bytes")),
            as_int(document.get("inner_fanout")),
        )


def encode_repository(
    settings: RepositorySettings, created_at: str, repository_id: bytes, maintenance_key: bytes
) -> bytes:
    """The bytes of the object ``repository``."""
    body = to_json_bytes({**settings.to_json(), "created_at": created_at})
    head = _HEADER.pack(REPOSITORY_MAGIC, FORMAT_VERSION, 0, len(body), repository_id)
    key = settings_key(maintenance_key, repository_id)
    return head + body + blake3(head + body, key=key).digest()


def repository_id_of(data: bytes) -> bytes:
    """The id in the object ``repository``, not authenticated yet."""
    if not data.startswith(REPOSITORY_MAGIC):
        raise UnknownFormat("This is not a Kyanite repository.")
    ensure(len(data) >= _HEADER.size + _MAC_BYTES, "The repository object is cut short.")
    _, version, reserved, length, repository_id = _HEADER.unpack_from(data)
    check_version(version, "The repository")
    ensure(
        reserved == 0
        and length <= MAX_SETTINGS_BYTES
        and len(data) == _HEADER.size + length + _MAC_BYTES,
        "The repository object is damaged.",
    )
    return bytes(repository_id)


def decode_repository(data: bytes, maintenance_key: bytes) -> RepositorySettings:
    """The settings. Raises ``Damaged`` unless a holder of the maintenance key wrote them."""
    repository_id = repository_id_of(data)
    key = settings_key(maintenance_key, repository_id)
    mac = blake3(data[:-_MAC_BYTES], key=key).digest()
    if not hmac.compare_digest(mac, data[-_MAC_BYTES:]):
        raise Damaged("The repository object is damaged: it does not authenticate.")
    body = from_json_bytes("repository", data[_HEADER.size : -_MAC_BYTES])
    return RepositorySettings.from_json(body)
