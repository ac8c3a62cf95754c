"""What somebody who sees the whole storage and holds no key can tell: sizes and times, no more.

The known attack on deduplicating backups that cut by content: lengths of chunks are a
fingerprint of a file. Here the observer knows a file and, as the strongest case, even the exact
lengths of the chunks it would be cut into. The observer sees every byte of the storage and must
say whether the file is in it.

The statistic: an observer scores a repository, higher meaning "the file is in it". Over pairs of
repositories that differ only in whether the disk holds the known file or another one that
compresses alike, its success is the share of pairs in which the true one scores higher (ties
count half). Chance gives 1/2; of N pairs the standard deviation is 1/(2 sqrt N), and three of
these are allowed. The seeds of contents and of keys are fixed, so the result is too.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from kyanite.base.units import KIB
from kyanite.engine.format import TAG_BYTES
from kyanite.engine.index import load_index
from kyanite.engine.pack import HEADER
from kyanite.engine.page_reader import PageReader
from kyanite.engine.randomness import drawn_from
from kyanite.engine.repository import Repository
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.memory import MemoryStorage
from seeded_randomness import SeededRandomness
from support.engine import PASSWORD, back_up_disk, objects_of, tiny_repository

PAIRS = 40
MOST = 0.5 + 3 / (2 * math.sqrt(PAIRS))
SETTINGS = RepositorySettings(
    cut_bytes=16 * KIB,
    cut_least_bytes=8 * KIB,
    cut_most_bytes=32 * KIB,
    pack_bytes=512 * KIB,
    page_span_bytes=512 * KIB,
)

Seen = Mapping[str, bytes]
Lengths = Sequence[int]
Observer = Callable[[Seen, Lengths], float]


def file_of(seed: int) -> bytes:
    """A file that does not compress: the observer's best case, for it is stored as it is."""
    return random.Random(seed).randbytes(128 * KIB)


def repository_with(file: bytes, seed: int, keys: int) -> tuple[MemoryStorage, int]:
    """A disk with other content around the file; also where the file begins."""
    chooser = random.Random(seed)
    before, behind = (chooser.randbytes(4 * KIB * chooser.randrange(4, 20)) for _ in range(2))
    storage = MemoryStorage()
    with drawn_from(SeededRandomness(keys)):
        back_up_disk(tiny_repository(storage, SETTINGS), before + file + behind)
    return storage, len(before)


def lengths_of(storage: MemoryStorage, begin: int, end: int) -> Lengths:
    """How the repository has cut a region of the disk: more than any observer knows."""
    repository = Repository.open(storage, PASSWORD)
    keys, point = repository.read_keys, repository.points()[0]
    structure = (keys.maintenance_key, keys.repository_id)
    index = load_index(storage, *structure)
    reader = PageReader(storage, index.find_all, *structure, keys.id_key)
    lengths = []
    for span, entries in reader.spans(point.disks[0]):
        at = span.offset
        for entry in entries:
            if begin <= at and at + entry.length <= end:
                lengths.append(entry.length)
            at += entry.length
    return lengths


@cache
def pairs() -> list[tuple[Seen, Seen, Lengths]]:
    """Storages with and without the file, and the lengths of the chunks where it is."""
    made: list[tuple[Seen, Seen, Sequence[int]]] = []
    for seed in range(PAIRS):
        file, other = file_of(1000 + seed), file_of(5000 + seed)
        true, at = repository_with(file, seed, keys=2 * seed)
        false, _ = repository_with(other, seed, keys=2 * seed + 1)
        made.append((objects_of(true), objects_of(false), lengths_of(true, at, at + len(file))))
    return made


def success(observer: Observer) -> float:
    wins = 0.0
    for true, false, lengths in pairs():
        right, wrong = observer(true, lengths), observer(false, lengths)
        wins += 1.0 if right > wrong else 0.5 if right == wrong else 0.0
    return wins / len(pairs())


def packs(storage: Seen) -> list[bytes]:
    return [data for name, data in storage.items() if name.startswith("packs/")]


def numbers_in(data: bytes, width: str) -> set[int]:
    step = struct.calcsize(width)
    return {
        number
        for start in range(step)
        for (number,) in struct.iter_unpack(
            width, data[start : start + (len(data) - start) // step * step]
        )
    }


def by_numbers_anywhere(storage: Seen, lengths: Lengths) -> float:
    """Looks for the lengths, plain or with a tag, as numbers anywhere in the storage."""
    wanted = {one + more for one in lengths for more in (0, TAG_BYTES)}
    return sum(len(wanted & numbers_in(data, "<I")) for data in storage.values())


def by_sizes_of_objects(storage: Seen, lengths: Lengths) -> float:
    """Looks for objects, or differences of their sizes, that are sums of runs of the lengths."""
    sums = {sum(lengths[a:b]) for a in range(len(lengths)) for b in range(a + 1, len(lengths) + 1)}
    sizes = [len(data) for data in storage.values()]
    return sum(size - overhead in sums for size in sizes for overhead in range(0, 4096, TAG_BYTES))


def by_total(storage: Seen, lengths: Lengths) -> float:
    """How near the stored total is to what the file takes."""
    return -abs(sum(map(len, packs(storage))) - sum(lengths))


def by_borders(storage: Seen, lengths: Lengths) -> float:
    """Looks for something at the places where the chunks would end, were they first in a pack.

    Ciphertext and tags look alike to whoever has no key; a border that shows (padding, a magic,
    a length before a chunk) makes bytes there repeat.
    """
    score = 0.0
    for data in packs(storage):
        at = HEADER.size
        borders = []
        for length in lengths:
            at += length + TAG_BYTES
            borders.append(data[at - 2 : at + 2])
        score += len(borders) - len(set(borders))
    return score


def by_bytes(storage: Seen, lengths: Lengths) -> float:
    """Whether bytes of the file stand anywhere, coded or not: by how often each byte is there."""
    counts = [0] * 256
    for data in packs(storage):
        for value in data[: 64 * KIB]:
            counts[value] += 1
    mean = sum(counts) / 256 or 1
    return sum((count - mean) ** 2 for count in counts) / mean + 0 * len(lengths)


def test_no_observer_does_better_than_chance() -> None:
    for observer in (by_numbers_anywhere, by_sizes_of_objects, by_total, by_borders, by_bytes):
        assert success(observer) <= MOST, observer.__name__


def test_the_attack_works_on_a_storage_that_shows_lengths() -> None:
    """The statistic is worth something: with tables in the open it finds every file."""

    def with_open_tables(storage: Seen, lengths: Lengths) -> Seen:
        rows = struct.pack(f"<{len(lengths)}I", *lengths)
        return {**storage, "packs/open": rows}

    found = 0
    for true, false, lengths in pairs():
        opened = with_open_tables(true, lengths)
        found += by_numbers_anywhere(opened, lengths) > by_numbers_anywhere(false, lengths)
    assert found == len(pairs())
