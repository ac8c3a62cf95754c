"""Index segments, pack tables and pages of somebody who holds the maintenance key."""

from __future__ import annotations

import struct
from functools import partial

import pytest
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.units import MIB
from kyanite.engine.index_layout import PACK_ROW, SegmentSeal, place_of
from kyanite.engine.keys import structure_key
from kyanite.engine.pack import ROW
from support.hostile import bounded, scene, try_everything

MOST = 0xFFFF_FFFF


def segment(
    *, part_bits: int = 0, packs: int = 0, gone: int = 0, records: int = 0, body: bytes = b""
) -> dict[str, bytes]:
    """A segment whose header and directory say what they like, properly sealed."""
    name = "index/" + "ab" * 16
    header = struct.pack("<8sHBBIIIQ", b"kyn-indx", 1, part_bits, 0, packs, gone, 0, 0)
    header += scene().repository_id + bytes(16)
    seal = SegmentSeal(name, header, scene().maintenance_key)
    directory = struct.pack("<I", records) * (1 << min(part_bits, 12))
    return {name: header + seal.seal(seal.number(seal.DIRECTORY, 0, 0), directory) + body}


@pytest.mark.parametrize(
    "replaced",
    [
        {"part_bits": 255},
        {"part_bits": 12},
        {"packs": MOST},
        {"packs": 1 << 26},
        {"gone": MOST},
        {"gone": 1 << 20},
        {"records": MOST},
        {"records": 9_600_000},
        {"records": 1},
        {"body": b"behind the end"},
    ],
    ids=str,
)
def test_a_segment_that_promises_more_than_it_has_is_an_error_or_harmless(
    replaced: dict[str, int],
) -> None:
    with bounded(memory_bytes=128 * MIB, seconds=20):
        made = segment(**replaced)  # type: ignore[arg-type]
        assert try_everything(partial(scene().storage, made), scene().contents)


def whole_segment(records: list[bytes], counts: list[int], packs: list[bytes]) -> dict[str, bytes]:
    name = "index/" + "cd" * 16
    header = struct.pack("<8sHBBIIIQ", b"kyn-indx", 1, 0, 0, len(packs), 0, 0, 0)
    header += scene().repository_id + bytes(16)
    seal = SegmentSeal(name, header, scene().maintenance_key)
    parts = [header, seal.seal(seal.number(seal.DIRECTORY, 0, 0), struct.pack("<I", len(records)))]
    if packs:
        parts.append(seal.seal(seal.number(seal.BLOCK, 0, 0), b"".join(packs)))
    table = struct.pack(f"<{len(counts)}H", *counts)
    parts.append(seal.seal(seal.number(seal.TABLE, 0, 0), table))
    parts.append(seal.seal(seal.number(seal.BUCKET, 0, 0), b"".join(records)))
    return {name: b"".join(parts)}


def leading_ids() -> list[bytes]:
    """Beginnings of ids that readers will look for: of the inner pages of the points."""
    from kyanite.engine.repository import Repository
    from support.engine import PASSWORD

    points = Repository.open(scene().storage({}), PASSWORD).points()
    return [page.page_id[:16] for point in points for disk in point.disks for page in disk.inner]


PLACES = {
    "a place in no pack": (9, place_of(64, 100, 2, 0)),
    "a pack number beyond any": (MOST, place_of(64, 100, 2, 0)),
    "an offset behind the end": (0, place_of((1 << 26) - 1, 100, 2, 0)),
    "the longest length": (0, place_of(64, 4 * MIB + 16, 2, 1)),
    "a length no entry has": (0, 64 | ((1 << 23) - 1) << 26 | 2 << 49),
    "no length": (0, 64 | 2 << 49),
    "type 0": (0, place_of(64, 100, 1, 0) & ~(3 << 49)),
    "type 3, codec 3, and the rest": (0, (1 << 56) - 1),
}


@pytest.mark.parametrize("why", PLACES)
@pytest.mark.parametrize(
    "real", [True, False], ids=["in a pack that is there", "in one that is not"]
)
def test_records_that_lead_nowhere_are_an_error_or_harmless(why: str, real: bool) -> None:
    row, place = PLACES[why]
    name = scene().names["packs"][0]
    _, session, pack = name.split("/")
    session_id = bytes.fromhex(session.replace("-", "")) if real else bytes(16)
    pack_row = PACK_ROW.pack(session_id, bytes.fromhex(pack), MOST, 0)
    records = [
        one + row.to_bytes(4, "little") + place.to_bytes(7, "little") for one in leading_ids()
    ]
    made = whole_segment(records, [len(records)], [pack_row])
    with bounded(memory_bytes=128 * MIB, seconds=20):
        try_everything(partial(scene().storage, made), scene().contents)


def test_counts_of_buckets_that_do_not_add_up_are_an_error() -> None:
    made = whole_segment([bytes(27)], [0xFFFF], [])
    assert try_everything(partial(scene().storage, made), scene().contents)


TABLES = {
    "no rows": b"",
    "a row of all ones": b"\xff" * ROW.size,
    "a length of nothing": ROW.pack(bytes(32), 0, 0, 1, 0, 0),
    "more than the pack": ROW.pack(bytes(32), MOST, MOST, 1, 1, 0),
    "an unknown type": ROW.pack(bytes(32), 100, 100, 99, 99, 0),
    "many rows": ROW.pack(bytes(32), 17, 1, 1, 0, 0) * 20_000,
}


@pytest.mark.parametrize("why", TABLES)
def test_tables_of_packs_that_make_no_sense_are_an_error_or_harmless(why: str) -> None:
    name = scene().names["packs"][0]
    head = scene().objects[name][:64]
    key = structure_key(scene().maintenance_key, head[48:64])
    for body in (bytes(100), bytes(20_000 * 17)):
        table = AESGCM(key).encrypt((3).to_bytes(4, "little") + bytes(8), TABLES[why], head)
        numbers = struct.pack("<IIII", 64 + len(body), len(table), len(TABLES[why]) // ROW.size, 0)
        check = blake3(head + table + numbers).digest()
        made = {name: head + body + table + numbers + check + bytes(8) + b"kyn-pend"}
        with bounded(memory_bytes=128 * MIB, seconds=20):
            try_everything(partial(scene().storage, made), scene().contents)
