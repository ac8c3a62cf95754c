"""The repository object: who this repository is, and how writers shall write."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from kyanite.base.errors import Damaged, Invalid, UnknownFormat
from kyanite.base.json_types import JsonObject, as_int, as_object, as_text
from kyanite.base.units import KIB, MIB
from kyanite.engine.format import (
    FORMAT_VERSION,
    MAX_CHUNK_BYTES,
    MAX_PACK_BYTES,
    MAX_SETTINGS_BYTES,
    REPOSITORY_MAGIC,
    check_version,
    ensure,
)
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.keys import settings_key
from kyanite.engine.small_seals import same

# What a chunk and the zeros behind it take in a leaf page, and a leaf page in an inner page,
# if each is in another pack: ids, numbers and the names of the packs.
LEAF_CHUNK_BYTES: Final = 62
INNER_LEAF_BYTES: Final = 54
MAX_LEAF_CHUNKS: Final = 1 << 16

_HEADER: Final = struct.Struct("<8sHHI16s")
_MAC_BYTES: Final = 32
MAX_REPOSITORY_BYTES: Final = _HEADER.size + MAX_SETTINGS_BYTES + _MAC_BYTES


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """How writers write. Readers need none of it (docs/format/objects.md, "repository").

    cut_kind         how disks are cut into chunks: ``aligned``, content-defined at steps of
                     4 KiB (docs/format/cuts.md), or ``fixed`` at multiples of ``cut_bytes``
    cut_bytes        length of a chunk; of aligned cuts the mean
    cut_least_bytes  shortest chunk of aligned cuts, but for the ends of regions
    cut_most_bytes   longest chunk of aligned cuts
    page_span_bytes  bytes of a disk that one leaf page lists
    inner_fanout     leaf pages under one inner page
    """

    cut_kind: str = "aligned"
    cut_bytes: int = 100 * KIB
    cut_least_bytes: int = 16 * KIB
    cut_most_bytes: int = 384 * KIB
    pack_bytes: int = 32 * MIB
    zstd_level: int = 1
    page_span_bytes: int = 512 * MIB
    inner_fanout: int = 256

    def __post_init__(self) -> None:
        """Raise ``Invalid`` for settings no writer could follow."""
        lengths = (self.cut_least_bytes, self.cut_bytes, self.cut_most_bytes)
        if self.cut_kind not in ("aligned", "fixed"):
            raise Invalid(f"Unknown way to cut disks: {self.cut_kind[:40]!r}.")
        if any(not 4 * KIB <= one <= MAX_CHUNK_BYTES or one % 4096 for one in lengths):
            raise Invalid("Chunks have 4 KiB to 4 MiB, in steps of 4 KiB.")
        fixed = self.cut_kind == "fixed"
        if not fixed and not lengths[0] < lengths[1] < lengths[2]:
            raise Invalid("The mean length of chunks lies between the shortest and the longest.")
        longest = self.cut_bytes if fixed else self.cut_most_bytes
        if not longest + 8 * KIB <= self.pack_bytes <= MAX_PACK_BYTES:
            raise Invalid("A pack has at most 64 MiB and holds at least one chunk.")
        if not -7 <= self.zstd_level <= 19:
            raise Invalid("zstd levels go from -7 to 19.")
        if not longest <= self.page_span_bytes < 2**31 or self.page_span_bytes % 4096:
            raise Invalid("A page lists at least one chunk and less than 2 GiB.")
        if (fixed and self.page_span_bytes % self.cut_bytes) or not 1 <= self.inner_fanout <= 4096:
            raise Invalid("Pages hold whole chunks, inner pages at most 4096 pages.")
        # Shorter chunks stand only before long runs of zeros, or at the end of the span.
        shortest = self.cut_bytes if fixed else min(self.cut_least_bytes, 64 * KIB)
        chunks = self.page_span_bytes // shortest + 1
        if chunks > MAX_LEAF_CHUNKS:
            raise Invalid("A page lists at most 65536 chunks.")
        longest_page = max(chunks * LEAF_CHUNK_BYTES, self.inner_fanout * INNER_LEAF_BYTES)
        if longest_page + 8 * KIB > min(MAX_CHUNK_BYTES, self.pack_bytes):
            raise Invalid("A page must fit into a pack, and is at most as long as a chunk may be.")

    def to_json(self) -> JsonObject:
        return {
            "cut": {
                "kind": self.cut_kind,
                "size": self.cut_bytes,
                "least": self.cut_least_bytes,
                "most": self.cut_most_bytes,
            },
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
            as_int(cut.get("least")),
            as_int(cut.get("most")),
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
    if not same(mac, data[-_MAC_BYTES:]):
        raise Damaged("The repository object is damaged: it does not authenticate.")
    body = from_json_bytes("repository", data[_HEADER.size : -_MAC_BYTES])
    return RepositorySettings.from_json(body)
