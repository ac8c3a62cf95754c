"""How fast this machine does each stage of a backup and a restore, all cores at it.

Each stage runs alone, in one process a core, so that nothing of the interpreter's lock is
in it. Hashing to unsealing go over chunks as the engine has cut them, one call a chunk.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.file_space import set_aside
from kyanite.cli.repo.image import ImageSource
from kyanite.engine.aligned_marks import AlignedMarks
from kyanite.engine.compression import compress, decompress
from kyanite.engine.format import TAG_BYTES
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.restore import WINDOW_BYTES
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.folder import FolderStorage

CORES: Final = len(os.sched_getaffinity(0))
_KEY: Final = bytes(range(32))
_CONTEXT: Final = bytes(80)
_LOCAL: Final = Parallelism.local()
_MOST_SECONDS: Final = 300.0  # until all processes are ready; one may have failed

Work = Callable[[int], int]
"""One process's share of a stage, by its number; returns the bytes it has dealt with."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes per second on all cores; of a chunk its plain bytes, of seal and unseal the coded.

    store_cpu_seconds  of one core, per byte of a pack that is written and synced
    store              of packs written and synced, waiting for the disk included
    """

    read: float
    mark: float
    hash: float
    compress: float
    seal: float
    store: float
    store_cpu_seconds: float
    fetch: float
    unseal: float
    decompress: float
    write: float


def measure_rates(image: Path, chunks: Sequence[bytes], folder: Path) -> Rates:
    """All rates; ``folder`` is where packs and targets are written and must be fresh."""
    settings = RepositorySettings()
    cipher = AESGCM(_KEY)
    coded = [compress(chunk, settings.zstd_level) for chunk in chunks]
    sealed = [cipher.encrypt(bytes(12), data, _CONTEXT) for _, data in coded]
    marks = AlignedMarks(_KEY, settings.cut_bytes - settings.cut_least_bytes)

    def mark(number: int) -> int:
        return _each(chunks, number, lambda chunk: marks.of(memoryview(chunk)))

    def hashed(number: int) -> int:
        return _each(chunks, number, lambda chunk: blake3(chunk, key=_KEY).digest())

    def compressed(number: int) -> int:
        return _each(chunks, number, lambda chunk: compress(chunk, settings.zstd_level))

    def seal(number: int) -> int:
        room = bytearray(max(len(data) for _, data in coded) + TAG_BYTES)
        view = memoryview(room)
        done = 0
        for _, data in coded[number::CORES]:
            cipher.encrypt_into(bytes(12), data, _CONTEXT, view[: len(data) + TAG_BYTES])
            done += len(data)
        return done

    def unseal(number: int) -> int:
        return _each(sealed, number, lambda data: cipher.decrypt(bytes(12), data, _CONTEXT))

    def decompressed(number: int) -> int:
        done = 0
        for (codec, data), chunk in zip(coded[number::CORES], chunks[number::CORES], strict=True):
            decompress(codec, data, len(chunk))
            done += len(chunk)
        return done

    shares = [memoryview(b"".join(chunks[number::CORES])) for number in range(CORES)]

    def write(number: int) -> int:
        return _write(folder / f"target-{number}", shares[number])

    pieces = _pieces(image)
    storage = FolderStorage(folder)
    store, store_cpu, packs = _store(storage, b"".join(sealed), settings.pack_bytes)

    def fetch(number: int) -> int:
        return sum(_fetch(storage, name, settings.pack_bytes) for name in packs[number::CORES])

    return Rates(
        read=_rate(lambda number: _read(image, pieces[number::CORES])),
        mark=_rate(mark),
        hash=_rate(hashed),
        compress=_rate(compressed),
        seal=_rate(seal),
        store=store,
        store_cpu_seconds=store_cpu,
        fetch=_rate(fetch),
        unseal=_rate(unseal),
        decompress=_rate(decompressed),
        write=_rate(write, warm=False),
    )


def best_of(rates: Sequence[Rates]) -> Rates:
    """Each at its best: whatever else the machine was doing only ever slows it down."""
    return Rates(
        read=max(one.read for one in rates),
        mark=max(one.mark for one in rates),
        hash=max(one.hash for one in rates),
        compress=max(one.compress for one in rates),
        seal=max(one.seal for one in rates),
        store=max(one.store for one in rates),
        store_cpu_seconds=min(one.store_cpu_seconds for one in rates),
        fetch=max(one.fetch for one in rates),
        unseal=max(one.unseal for one in rates),
        decompress=max(one.decompress for one in rates),
        write=max(one.write for one in rates),
    )


def _rate(work: Work, warm: bool = True) -> float:
    """Bytes per second of ``work``, in one process a core, begun at the same moment.

    ``warm``: done once before, so that what a fresh process pays is not measured.
    """
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(CORES)
    answers: SimpleQueue[float] = context.SimpleQueue()
    processes = [
        context.Process(target=_timed, args=(work, number, barrier, answers, warm))
        for number in range(CORES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError("A stage could not be measured; see the traceback above.")
    return sum(answers.get() for _ in processes)


def _timed(
    work: Work,
    number: int,
    barrier: Barrier,
    answers: SimpleQueue[float],
    warm: bool,
) -> None:
    if warm:
        work(number)
    barrier.wait(_MOST_SECONDS)
    began = time.perf_counter()
    done = work(number)
    answers.put(done / (time.perf_counter() - began))


def _each(items: Sequence[bytes], number: int, act: Callable[[bytes], object]) -> int:
    done = 0
    for item in items[number::CORES]:
        act(item)
        done += len(item)
    return done


def _pieces(image: Path) -> Sequence[tuple[int, int]]:
    """Offset and length of what a full backup of the image reads."""
    with ImageSource(image) as source:
        return [
            (at, min(_LOCAL.read_bytes, one.end - at))
            for one in source.allocated()
            for at in range(one.offset, one.end, _LOCAL.read_bytes)
        ]


def _read(image: Path, pieces: Sequence[tuple[int, int]]) -> int:
    buffer = memoryview(bytearray(_LOCAL.read_bytes))
    with ImageSource(image) as source:
        for offset, length in pieces:
            source.read_into(offset, buffer[:length])
    return sum(length for _, length in pieces)


def _fetch(storage: FolderStorage, name: str, most_bytes: int) -> int:
    """A whole pack, through a window as a restore has one."""
    window = memoryview(bytearray(WINDOW_BYTES))
    stream = storage.open_range(name, 0, most_bytes)
    done = 0
    while count := stream.read_into(window):
        done += count
    stream.close()
    return done


def _write(path: Path, data: memoryview) -> int:
    """Into a new file of its final size, with all its space asked for at once."""
    with path.open("xb", buffering=0) as file:
        file.truncate(len(data))
        set_aside(file.fileno(), 0, len(data))
        for at in range(0, len(data), _LOCAL.write_bytes):
            os.pwrite(file.fileno(), data[at : at + _LOCAL.write_bytes], at)
    return len(data)


def _store(
    storage: FolderStorage, data: bytes, pack_bytes: int
) -> tuple[float, float, Sequence[str]]:
    """Rate, core seconds a byte, and the names of the packs that were written."""
    packs = {f"packs/{at}": data[at : at + pack_bytes] for at in range(0, len(data), pack_bytes)}
    wall, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(_LOCAL.uploads) as pool:
        list(pool.map(storage.put, packs.keys(), packs.values()))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return len(data) / wall, cpu / len(data), list(packs)
