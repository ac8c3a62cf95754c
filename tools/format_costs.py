"""What a repository costs in requests and bytes, by the sizes of the format: docs/format/costs.md.

``--check`` says whether the document is up to date. ``tests/engine/test_format_costs.py``
holds the formulas against what the engine really asks of a storage.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kyanite.base.units import KIB, MIB
from kyanite.engine.format import TAG_BYTES
from kyanite.engine.index_layout import (
    BLOCK_PACKS,
    HEADER,
    PACK_ROW,
    RECORD_BYTES,
    IndexSizes,
    bucket_bits,
    part_bytes,
)
from kyanite.engine.pack import HEADER as PACK_HEADER
from kyanite.engine.pack import ROW as PACK_TABLE_ROW
from kyanite.engine.pack import TAIL_BYTES, table_bytes
from kyanite.engine.settings import RepositorySettings

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "format" / "costs.md"
LISTED_AT_ONCE = 5_000  # names in one answer of Azure Blob
TIER_FACTOR = 16
LEAF_CHUNK_BYTES = 4 + 2 + 32  # length, pack, id
LEAF_PACK_BYTES = 20
LOCK_STEP_DAYS = 30
POINT_BYTES = KIB  # of a point but for what it needs
LEDGER_POINT_BYTES = 40  # id, time, size and new packs of a point, compressed
LEDGER_OBJECT_BYTES = 8 * MIB


@dataclass(frozen=True)
class Scale:
    """A repository: what is stored, and by how many machines in how many points.

    Half of the bytes came with the first point of each machine, half with all others.
    """

    stored_bytes: float
    machines: int = 1000
    points: int = 365
    chunk_bytes: float = 312_500
    pack_bytes: int = RepositorySettings().pack_bytes
    span_bytes: int = RepositorySettings().page_span_bytes

    @property
    def chunks(self) -> float:
        return self.stored_bytes / self.chunk_bytes

    @property
    def packs(self) -> float:
        """Every point of a machine ends with a pack that is not full."""
        return self.stored_bytes / self.pack_bytes + self.machines * self.points / 2

    @property
    def increment_bytes(self) -> float:
        return self.stored_bytes / 2 / (self.machines * (self.points - 1))

    @property
    def machine_bytes(self) -> float:
        """The first point of a machine."""
        return self.stored_bytes / 2 / self.machines


@dataclass(frozen=True)
class Cost:
    """Of one operation. ``rounds``: requests that wait for each other."""

    operation: str
    reads: float
    read_bytes: float
    writes: float
    write_bytes: float
    rounds: str


def segment_bytes(records: float, packs: float) -> tuple[float, int]:
    """Size of an index segment, and its objects."""
    count = max(1, round(records))
    bits = IndexSizes().part_bits(count)
    rows = max(1, round(packs))
    head: float = HEADER.size + 4 * (1 << bits) + TAG_BYTES
    head += rows * PACK_ROW.size + -(-rows // BLOCK_PACKS) * TAG_BYTES
    each = part_bytes(count >> bits)
    if bits == 0:
        return head + each, 1
    return head + (1 << bits) * (HEADER.size + each), 1 + (1 << bits)


def tiers(scale: Scale) -> list[tuple[float, float]]:
    """Records and packs of the segments that merging leaves; the smallest are 8 small ones."""
    per_pack = scale.chunks / scale.packs
    small = IndexSizes().whole_bytes / 2 / RECORD_BYTES
    rest = scale.chunks
    found: list[tuple[float, float]] = []
    while rest > 8 * small:
        found.append((rest * (TIER_FACTOR - 1) / TIER_FACTOR, 0))
        rest /= TIER_FACTOR
    found += [(rest / 8, 0)] * 8
    return [(records, records / per_pack) for records, _ in found]


def leaf_bytes(chunks: float, packs: float) -> float:
    """Size of a leaf page."""
    return 8 + chunks * LEAF_CHUNK_BYTES + packs * LEAF_PACK_BYTES


def open_cost(scale: Scale) -> Cost:
    """Settings, slots and ring, then the index as far as every user needs it."""
    segments = tiers(scale)
    read_bytes: float = 4 * KIB
    for records, packs in segments:
        size, _ = segment_bytes(records, packs)
        read_bytes += size if size <= IndexSizes().whole_bytes else 64 * KIB
    objects = sum(segment_bytes(*one)[1] for one in segments)
    lists = 2 + math.ceil(objects / LISTED_AT_ONCE)
    return Cost("open", lists + 3 + len(segments), read_bytes, 0, 0, "5")


def look_up_bytes(scale: Scale, look_ups: float) -> tuple[float, float]:
    """Requests and bytes of so many look-ups in a cold index."""
    requests = total = 0.0
    for records, packs in tiers(scale):
        size, objects = segment_bytes(records, packs)
        if size <= IndexSizes().whole_bytes:
            continue
        parts = max(1, objects - 1)
        in_part = records / parts
        buckets = 1 << bucket_bits(round(in_part))
        touched_parts = parts * (1 - (1 - 1 / parts) ** look_ups)
        touched = parts * buckets * (1 - (1 - 1 / (parts * buckets)) ** look_ups)
        requests += touched_parts + touched
        total += touched_parts * (2 * buckets + TAG_BYTES + HEADER.size)
        total += touched * (in_part / buckets * RECORD_BYTES + TAG_BYTES)
    return requests, total


def write_cost(scale: Scale) -> Cost:
    """One increment of one machine."""
    chunks = max(1.0, scale.increment_bytes / scale.chunk_bytes)
    packs = max(1.0, math.ceil(scale.increment_bytes / scale.pack_bytes))
    spans = max(1.0, math.ceil(scale.machine_bytes / scale.span_bytes))
    touched = min(spans, chunks)
    in_span = min(scale.machine_bytes, scale.span_bytes) / scale.chunk_bytes
    leaf = leaf_bytes(in_span, in_span * scale.chunk_bytes / scale.pack_bytes + touched)
    looked_up, index_bytes = look_up_bytes(scale, chunks)
    opening = open_cost(scale)
    index_part = len(tiers(scale)) + 1
    reads = 8 + index_part + touched + 2 + looked_up
    read_bytes = opening.read_bytes + touched * leaf + index_bytes + 4 * KIB
    sealed = chunks * (PACK_TABLE_ROW.size + TAG_BYTES) + packs * (
        PACK_HEADER.size + table_bytes(0)
    )
    put = scale.increment_bytes + sealed + touched * (leaf + PACK_TABLE_ROW.size + TAG_BYTES)
    put += segment_bytes(chunks + touched, packs)[0] + 4 * KIB
    return Cost("write an increment", reads, read_bytes, 4 + packs, put, "10 and the packs")


def lists(names: float) -> int:
    """Requests that list so many names."""
    return max(1, math.ceil(names / LISTED_AT_ONCE))


def point_bytes(scale: Scale) -> float:
    """Size of a point: its structure, and the packs that it needs."""
    per_pack = 6  # characters of a pack in the needs of a point, compressed
    packs_of_point = scale.machine_bytes / scale.pack_bytes + scale.points / 2
    return POINT_BYTES + packs_of_point * per_pack


def mark_cost(scale: Scale) -> Cost:
    """Every point read once, without a ledger, and all packs listed."""
    points = scale.machines * scale.points
    # Condemned lists, notes, ledgers; sessions, points; packs.
    listed = 3 + 2 * lists(points) + lists(scale.packs)
    read_bytes = points * point_bytes(scale)
    return Cost("mark, all points", listed + points, read_bytes, 0, 0, "many at once")


def new_mark_cost(scale: Scale) -> Cost:
    """With ledgers: the points of a day, and a listing of what each of their sessions put."""
    points = scale.machines * scale.points
    ledger_bytes = points * LEDGER_POINT_BYTES
    ledgers = max(1, math.ceil(ledger_bytes / LEDGER_OBJECT_BYTES))
    listed = 3 + 2 * lists(points) + scale.machines
    read_bytes = scale.machines * point_bytes(scale) + ledger_bytes
    return Cost(
        "mark, points of a day",
        listed + ledgers + scale.machines,
        read_bytes,
        0,
        0,
        "many at once",
    )


def lock_cost(scale: Scale) -> Cost:
    """Extending everything that lives, once a step: all points say what they need.

    Everything is listed twice, with versions and locks: before, and to read it back.
    """
    index = sum(segment_bytes(*one)[1] for one in tiers(scale))
    points = scale.machines * scale.points
    # Packs, index, slot, ring, repository; trace, session and point of each point.
    objects = scale.packs + index + 3 + 3 * points
    with_versions = lists(scale.packs) + lists(index) + 3 + 3 * lists(points)
    listed = 2 * with_versions + 2 * lists(index) + 2 * lists(points)
    return Cost(
        f"lock, every {LOCK_STEP_DAYS} days",
        listed + points,
        points * point_bytes(scale),
        objects,
        0,
        "many at once",
    )


def rebuild_cost(scale: Scale) -> Cost:
    """Header and tail of every pack; the index anew, in segments that are then merged."""
    size = sum(segment_bytes(*one)[0] for one in tiers(scale))
    groups = math.ceil(scale.packs / 1024)
    reads = math.ceil(scale.packs / LISTED_AT_ONCE) + 2 * scale.packs
    tail = min(TAIL_BYTES, scale.stored_bytes / scale.packs)
    return Cost(
        "rebuild the index",
        reads,
        scale.packs * (PACK_HEADER.size + tail) + size,
        groups + sum(segment_bytes(*one)[1] for one in tiers(scale)),
        2 * size,
        "many at once",
    )


def costs(scale: Scale) -> list[Cost]:
    """Every row of the table."""
    return [
        open_cost(scale),
        write_cost(scale),
        mark_cost(scale),
        new_mark_cost(scale),
        lock_cost(scale),
        rebuild_cost(scale),
    ]


def document() -> str:
    """The text of docs/format/costs.md."""
    lines = [
        "# Costs",
        "",
        "Generated by `tools/format_costs.py` from the sizes of the format; "
        "`tests/engine/test_format_costs.py` holds the formulas against the engine.",
        "",
        "1 000 machines with one disk each, 365 points each. Half of what is stored came with the "
        "first points, half with all others; 312 500 bytes a chunk, packs of 32 MiB.",
        "*Write an increment* and *open* are for one machine and a fresh worker without a cache. "
        "A listing answers 5 000 names. *Rounds*: requests that wait for each other.",
        "",
        "| Stored | Operation | Reads | Bytes read | Writes | Bytes written | Rounds |",
        "|---|---|---|---|---|---|---|",
        *_rows(),
        "",
        f"The index of 100 TB has {Scale(1e14).chunks / 1e6:.0f} million records and "
        f"{_size(sum(segment_bytes(*one)[0] for one in tiers(Scale(1e14))))}.",
        "",
    ]
    return "\n".join(lines)


def _rows() -> Iterator[str]:
    for name, scale in (("1 TB", Scale(1e12)), ("100 TB", Scale(1e14))):
        for cost in costs(scale):
            yield (
                f"| {name} | {cost.operation} | {_count(cost.reads)} | {_size(cost.read_bytes)} | "
                f"{_count(cost.writes)} | {_size(cost.write_bytes)} | {cost.rounds} |"
            )


def _count(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ") if number else "-"


def _size(number: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return (
                f"{number / size:.3g} {unit}"
                if number < 1000 * size
                else f"{number / size:.0f} {unit}"
            )
    return f"{number:.0f} B" if number else "-"


def main() -> int:
    """Write the document; with ``--check``, exit status 1 if it is not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = document()
    if parser.parse_args().check:
        return 0 if DOCUMENT.exists() and DOCUMENT.read_text() == text else 1
    DOCUMENT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
