"""Arithmetic on the records of many segments at once, as arrays: renumber, sort, count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kyanite.base.errors import Damaged
from kyanite.engine.index_layout import PACK_ROW, PREFIX_BYTES, RECORD_BYTES, bucket_bits

Rows: TypeAlias = NDArray[np.uint8]  # one record a row
Numbers: TypeAlias = NDArray[np.uint32]

DROPPED: Final = 0xFFFF_FFFF
_NAME_BYTES: Final = 32


def join_packs(tables: Sequence[bytes]) -> tuple[bytes, list[Numbers]]:
    """The rows of all packs, each once, and for each table the new numbers of its packs."""
    rows = np.frombuffer(b"".join(tables), np.uint8).reshape(-1, PACK_ROW.size)
    names = np.ascontiguousarray(rows[:, :_NAME_BYTES]).view(f"V{_NAME_BYTES}").ravel()
    _, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    numbers = inverse.astype(np.uint32)
    result: list[Numbers] = []
    at = 0
    for table in tables:
        count = len(table) // PACK_ROW.size
        result.append(numbers[at : at + count])
        at += count
    return rows[first].tobytes(), result


def drop_packs(
    rows: bytes, numbers: Sequence[Numbers], keep: NDArray[np.bool_]
) -> tuple[bytes, list[Numbers]]:
    """The same without the packs that ``keep`` does not keep."""
    renumbered = np.full(len(keep), DROPPED, np.uint32)
    renumbered[keep] = np.arange(int(keep.sum()), dtype=np.uint32)
    kept = np.frombuffer(rows, np.uint8).reshape(-1, PACK_ROW.size)[keep].tobytes()
    return kept, [renumbered[one] for one in numbers]


def renumber(records: bytes, numbers: Numbers) -> Rows:
    """The records with new pack numbers, without those of dropped packs."""
    rows = np.frombuffer(records, np.uint8).reshape(-1, RECORD_BYTES)
    old = np.ascontiguousarray(rows[:, PREFIX_BYTES : PREFIX_BYTES + 4]).view("<u4").ravel()
    if len(old) and int(old.max()) >= len(numbers):
        raise Damaged("An index segment names a pack that it does not list.")
    new = numbers[old]
    kept = new != DROPPED
    result: Rows = rows[kept]  # a copy, in any case
    result[:, PREFIX_BYTES : PREFIX_BYTES + 4] = (
        new[kept].astype("<u4").view(np.uint8).reshape(-1, 4)
    )
    return result


def heads(rows: Rows) -> NDArray[np.uint64]:
    """The first 64 bits of every id."""
    return np.ascontiguousarray(rows[:, :8]).view(">u8").ravel().astype(np.uint64)


def gather(sources: Iterable[tuple[bytes, Numbers]], low: int, last: int) -> Rows:
    """Renumbered records of ids from ``low`` to ``last`` (64 bits), sorted, equal ones once."""
    every: list[Rows] = []
    for records, numbers in sources:
        rows = renumber(records, numbers)
        ids = heads(rows)
        every.append(rows[(ids >= np.uint64(low)) & (ids <= np.uint64(last))])
    return sort_records(np.concatenate(every)) if every else np.zeros((0, RECORD_BYTES), np.uint8)


def sort_records(rows: Rows) -> Rows:
    """In the order of ids, equal records once."""
    numbers = heads(rows)
    order = np.argsort(numbers)
    ordered = numbers[order]
    if len(rows) > 1 and bool((ordered[1:] == ordered[:-1]).any()):
        padded = np.zeros((len(rows), 32), np.uint8)
        padded[:, :RECORD_BYTES] = rows
        words = padded.view(">u8").astype(np.uint64)
        order = np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0]))
        rows, words = rows[order], words[order]
        new = np.ones(len(rows), np.bool_)
        new[1:] = (words[1:] != words[:-1]).any(axis=1)
        return rows[new]
    ordered_rows: Rows = rows[order]
    return ordered_rows


def bucket_counts(rows: Rows, part_bits: int) -> list[int]:
    """How many of the sorted records of a part fall into each of its buckets."""
    bits = bucket_bits(len(rows))
    shift = np.uint64(64 - part_bits - bits)
    if part_bits + bits == 0:
        return [len(rows)]
    buckets = (heads(rows) >> shift) & np.uint64((1 << bits) - 1)
    counts: list[int] = np.bincount(buckets.astype(np.int64), minlength=1 << bits).tolist()
    return counts


def known_names(rows: bytes, names: bytes) -> NDArray[np.bool_]:
    """Which packs of ``rows`` are among ``names`` (session id and pack id, one after the other)."""
    table = np.frombuffer(rows, np.uint8).reshape(-1, PACK_ROW.size)
    own = np.ascontiguousarray(table[:, :_NAME_BYTES]).view(f"V{_NAME_BYTES}").ravel()
    return np.isin(own, np.frombuffer(names, f"V{_NAME_BYTES}"))
