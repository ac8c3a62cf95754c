"""The engine against the machine: full backup and restore beside the bound of this run.

The bound is what the stages that cannot be left out would take with all cores busy and
nothing in between: the core seconds of each stage (bytes over its rate on all cores) in a
row, or the waiting for the disk if that is longer. Of each rate the best one counts that
was seen behind any of the runs. Bytes are those of the real run: a chunk that is there
already is hashed, but neither compressed nor sealed. Finding cuts and whatever else the
interpreter does is not in the bound; the table shows it.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.machine_rates import CORES, Rates, best_of, measure_rates
from bench.made_image import (
    DISK_ID,
    Run,
    check_same,
    full_backup,
    make_image,
    new_repository,
    whole_restore,
)
from bench.results_table import Figure
from kyanite.base.units import MIB
from kyanite.engine.index import load_index
from kyanite.engine.page_reader import PageReader
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.point import Point
from kyanite.engine.repository import Repository
from kyanite.engine.storage.folder import FolderStorage

ROUNDS: Final = 3
_IMAGE_BYTES: Final = 2048 * MIB
_SAMPLE_BYTES: Final = 128 * MIB
_RATES_A_ROUND: Final = 2
_LEAST_SHARE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Work:
    """Bytes of a full backup and its restore."""

    read: int  # of the source
    hashed: int  # all chunks, those that are there twice as well
    distinct: int  # chunks that were stored, plain
    stored: int  # packs


@dataclass(frozen=True, slots=True)
class Stage:
    """``wall_seconds``: with all cores at it and nothing else."""

    name: str
    wall_seconds: float
    in_bound: bool = True


@dataclass(frozen=True, slots=True)
class Measured:
    """A run beside its stages; ``waiting_seconds``: for the disk, beside the stages."""

    run: Run
    stages: tuple[Stage, ...]
    waiting_seconds: float = 0.0

    @property
    def bound_seconds(self) -> float:
        computing = sum(stage.wall_seconds for stage in self.stages if stage.in_bound)
        return max(computing, self.waiting_seconds)

    @property
    def share(self) -> float:
        return self.bound_seconds / self.run.wall_seconds


def measure(rounds: int = ROUNDS, image_bytes: int = _IMAGE_BYTES) -> Sequence[Figure]:
    """Backup and restore; of each the round with the median share."""
    runs: list[tuple[Work, Run, Run]] = []
    rates: list[Rates] = []
    with tempfile.TemporaryDirectory(prefix="kyanite-bound-") as folder:
        image = make_image(Path(folder), image_bytes)
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir=folder) as of_round:
                work, backup, restore, chunks = _round(image, Path(of_round))
            runs.append((work, backup, restore))
            for _ in range(_RATES_A_ROUND):
                with tempfile.TemporaryDirectory(dir=folder) as of_rates:
                    rates.append(measure_rates(image, chunks, Path(of_rates)))
    best = best_of(rates)
    backups = [
        Measured(backup, _backup_stages(work, best), work.stored / best.store)
        for work, backup, _ in runs
    ]
    restores = [Measured(restore, _restore_stages(work, best)) for work, _, restore in runs]
    return [*_figures("full backup", backups), *_figures("restore", restores)]


def _round(image: Path, folder: Path) -> tuple[Work, Run, Run, list[bytes]]:
    """Backup and restore, what they had to do, and some of the chunks."""
    repository = new_repository(FolderStorage(folder / "repository"))
    point, backup = full_backup(repository, image, Parallelism.local())
    restored = folder / "restored"
    restore = whole_restore(repository, point, restored, Parallelism.local())
    check_same(image, restored)
    places = list(_chunks(repository, point))
    distinct = {chunk_id: (offset, length) for chunk_id, offset, length in places}
    work = Work(
        backup.read_bytes,
        sum(length for _, _, length in places),
        sum(length for _, length in distinct.values()),
        backup.moved_bytes,
    )
    return work, backup, restore, _sample(image, list(distinct.values()))


def _backup_stages(work: Work, rates: Rates) -> tuple[Stage, ...]:
    return (
        Stage("read", work.read / rates.read),
        Stage("hash (BLAKE3)", work.hashed / rates.hash),
        Stage("compress (zstd)", work.distinct / rates.compress),
        Stage("seal (AES-GCM)", work.stored / rates.seal),
        Stage("write", work.stored * rates.store_cpu_seconds / CORES),
        Stage("find cuts", work.read / rates.mark, in_bound=False),
    )


def _restore_stages(work: Work, rates: Rates) -> tuple[Stage, ...]:
    return (
        Stage("read", work.stored / rates.fetch),
        Stage("unseal (AES-GCM)", work.stored / rates.unseal),
        Stage("decompress (zstd)", work.distinct / rates.decompress),
        Stage("hash (BLAKE3)", work.distinct / rates.hash),
        Stage("write", work.hashed / rates.write),
    )


def _chunks(repository: Repository, point: Point) -> Iterator[tuple[bytes, int, int]]:
    """Id, offset and length of every chunk of the point's disk."""
    keys, storage = repository.read_keys, repository.storage
    index = load_index(storage, keys.maintenance_key, keys.repository_id)
    reader = PageReader(
        storage, index.find_all, keys.maintenance_key, keys.repository_id, keys.id_key
    )
    disk = point.disk(DISK_ID)
    assert disk is not None
    for span, entries in reader.spans(disk):
        at = span.offset
        for entry in entries:
            if entry.chunk_id is not None:
                yield entry.chunk_id, at, entry.length
            at += entry.length


def _sample(image: Path, places: Sequence[tuple[int, int]]) -> list[bytes]:
    """Chunks from all over the image."""
    step = max(1, round(sum(length for _, length in places) / _SAMPLE_BYTES))
    chunks = []
    with image.open("rb") as file:
        for offset, length in places[::step]:
            file.seek(offset)
            chunks.append(file.read(length))
    return chunks


def _figures(what: str, rounds: Sequence[Measured]) -> Iterator[Figure]:
    share = statistics.median_low(one.share for one in rounds)
    one = next(one for one in rounds if one.share == share)
    wall, bound = one.run.wall_seconds, one.bound_seconds
    yield Figure(
        f"{what}: share of the machine's bound",
        f"{share:.0%} ({one.run.read_bytes / MIB / wall:,.0f} of "
        f"{one.run.read_bytes / MIB / bound:,.0f} MiB/s on {CORES} cores)",
        f"at least {_LEAST_SHARE:.0%}",
        share >= _LEAST_SHARE,
    )
    yield Figure(f"{what}: wall", f"{wall:.2f} s")
    for stage in one.stages:
        outside = "" if stage.in_bound else ", not in the bound"
        yield _part(f"{what}: {stage.name}{outside}", stage.wall_seconds, wall)
    computing = one.run.cpu_seconds / CORES
    explained = sum(stage.wall_seconds for stage in one.stages)
    yield _part(f"{what}: other computing, by difference", computing - explained, wall)
    yield _part(f"{what}: cores idle or taken by others", wall - computing, wall)
    if one.waiting_seconds:
        yield _part(f"{what}: packs to the disk, beside all that", one.waiting_seconds, wall)


def _part(name: str, seconds: float, wall_seconds: float) -> Figure:
    return Figure(name, f"{seconds:.2f} s, {seconds / wall_seconds:.0%} of the wall")
