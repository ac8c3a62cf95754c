"""What costs much to look at: bombs, objects without end, listings without end, slow slots."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import zstandard

from kyanite.base.errors import Damaged, EngineError, KyaniteError, UnknownFormat
from kyanite.base.units import GIB, KIB, MIB
from kyanite.engine.compression import decompress, decompress_within
from kyanite.engine.format import MAX_OBJECT_BYTES, Codec, Kind
from kyanite.engine.ledger import decode_ledger
from kyanite.engine.listing import MOST_OBJECTS
from kyanite.engine.pages import decode_inner, decode_leaf
from kyanite.engine.repository import Repository
from kyanite.engine.sealed_object import fetch, unseal
from kyanite.engine.storage.base import ObjectInfo, Storage
from kyanite.engine.storage.wrapper import StorageWrapper
from support.engine import PASSWORD
from support.hostile import bounded, scene


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    honest = zstandard.ZstdCompressor(level=1).compress(bytes(256 * MIB))
    stream = zstandard.ZstdCompressor(level=1).compressobj()
    silent = stream.compress(bytes(256 * MIB)) + stream.flush()  # does not say its size
    with bounded(memory_bytes=8 * MIB, seconds=2):
        for bomb in (honest, silent):
            with pytest.raises(Damaged):
                decompress(Codec.ZSTD, bomb, 4 * MIB)
            with pytest.raises(Damaged):
                decompress_within(Codec.ZSTD, bomb, 4 * MIB)


def test_a_frame_that_holds_more_than_it_says_is_refused() -> None:
    frame = bytearray(zstandard.ZstdCompressor(level=1).compress(bytes(64 * MIB)))
    said = (64 * MIB).to_bytes(4, "little")
    at = frame.index(said)
    frame[at : at + 4] = (1 * MIB).to_bytes(4, "little")
    with bounded(memory_bytes=8 * MIB, seconds=2), pytest.raises(Damaged):
        decompress(Codec.ZSTD, bytes(frame), 1 * MIB)


def test_a_sealed_object_longer_than_any_is_not_read_to_its_end() -> None:
    class Endless(StorageWrapper):
        asked = 0

        def get_range(self, name: str, offset: int, length: int) -> bytes:  # noqa: ARG002
            self.asked = max(self.asked, offset + length)
            return bytes(length)

    storage = Endless(scene().storage({}))
    data = fetch(storage, "points/x")
    assert len(data) == storage.asked <= MAX_OBJECT_BYTES + 1 * KIB
    with pytest.raises((Damaged, UnknownFormat)):
        unseal(Kind.POINT, "points/x", data, scene().maintenance_key, scene().repository_id)


class Flooded(StorageWrapper):
    """A listing without end, of names that look right."""

    def __init__(self, inner: Storage, prefix: str) -> None:
        super().__init__(inner)
        self._prefix = prefix
        self.listed = 0

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        if prefix != self._prefix:
            yield from super().list(prefix)
            return
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        while True:
            self.listed += 1
            name = f"{prefix}{self.listed:08x}-0000-7000-8000-000000000000"
            yield ObjectInfo(name, 200, moment)


@pytest.mark.parametrize("prefix", ["keys/", "rings/", "points/"])
def test_a_listing_without_end_is_given_up(prefix: str) -> None:
    storage = Flooded(scene().storage({}), prefix)
    with pytest.raises(Damaged):
        Repository.open(storage, PASSWORD).points()
    assert storage.listed <= MOST_OBJECTS + 1


def slot(memory_kib: int, passes: int, lanes: int, number: int) -> dict[str, bytes]:
    data = bytearray(scene().objects[scene().names["keys"][0]])
    struct.pack_into("<III", data, 12, memory_kib, passes, lanes)
    data[76:108] = number.to_bytes(32, "little")  # another salt
    return {f"keys/{number:032x}": bytes(data)}


@pytest.mark.parametrize(
    ("memory_kib", "passes", "lanes"),
    [(2**32 - 1, 1, 1), (64 * KIB, 2**32 - 1, 1), (64 * KIB, 1, 2**32 - 1), (0, 0, 0), (8, 1, 1)],
)
def test_absurd_work_of_a_slot_is_refused(memory_kib: int, passes: int, lanes: int) -> None:
    replaced = slot(memory_kib, passes, lanes, 7)
    replaced[scene().names["keys"][0]] = b""
    with bounded(memory_bytes=16 * MIB, seconds=2), pytest.raises(EngineError, match="work"):
        Repository.open(scene().storage(replaced), PASSWORD)


@pytest.mark.slow
def test_many_slots_together_may_not_take_all_day() -> None:
    replaced = {scene().names["keys"][0]: b""}
    for number in range(60):
        replaced |= slot(32 * KIB, 16, 1, number)
    with bounded(seconds=60), pytest.raises(EngineError):
        Repository.open(scene().storage(replaced), PASSWORD)


def test_the_true_slot_opens_beside_slow_ones() -> None:
    replaced: dict[str, bytes] = {}
    for number in range(60):
        replaced |= slot(256 * KIB, 16, 1, number)
    with bounded(seconds=5):
        Repository.open(scene().storage(replaced), PASSWORD)


def test_pages_that_promise_more_than_they_have_are_refused() -> None:
    most = 0xFFFF_FFFF
    zeros = struct.pack("<II", 1_000_000, 0) + struct.pack("<I", 0x8000_0001) * 1_000_000
    with bounded(memory_bytes=64 * MIB, seconds=5):
        for page in (
            b"",
            struct.pack("<II", most, 0),
            struct.pack("<II", 0, most),
            struct.pack("<II", most, most),
            struct.pack("<II", 1, 0) + struct.pack("<I", 0),
            struct.pack("<II", 1, 0) + struct.pack("<I", most),
            zeros,
        ):
            with pytest.raises(Damaged):
                decode_leaf(page, 1_000_000)
            with pytest.raises(Damaged):
                decode_inner(page, 4096)


def test_ledgers_that_promise_more_than_they_have_are_refused() -> None:
    most = 0xFFFF_FFFF
    with bounded(memory_bytes=160 * MIB, seconds=5):
        for body in (
            b"",
            struct.pack("<II", 0, most),
            struct.pack("<II", 0, 1) + struct.pack("<IIII", most, most, most, most),
            struct.pack("<II", 0, 1) + struct.pack("<IIII", 0, most, 0, 0),
            struct.pack("<II", 0, 1) + struct.pack("<IIII", 0, 0, 0, most),
            struct.pack("<II", 0, 4_000_000) + bytes(16 * 4_000_000),
        ):
            with pytest.raises(Damaged):
                decode_ledger(body)


def test_settings_that_no_writer_could_follow_are_refused() -> None:
    from blake3 import blake3

    from kyanite.engine.keys import settings_key

    data = scene().objects["repository"]
    body = json.loads(data[32:-32])
    for member, value in (
        ("pack_bytes", 2**63),
        ("pack_bytes", 0),
        ("page_span_bytes", 1),
        ("page_span_bytes", -1),
        ("inner_fanout", 2**40),
        ("zstd_level", 10**9),
        ("cut", []),
        ("cut", {"kind": "aligned", "least": 1, "size": 2, "most": 4 * GIB}),
    ):
        text = json.dumps({**body, member: value}).encode()
        head = data[:12] + struct.pack("<I", len(text)) + data[16:32]
        key = settings_key(scene().maintenance_key, scene().repository_id)
        spoilt = head + text + blake3(head + text, key=key).digest()
        with pytest.raises(KyaniteError):
            Repository.open(scene().storage({"repository": spoilt}), PASSWORD)
