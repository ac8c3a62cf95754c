"""Memory that is ready when it is needed.

The host of a virtual machine takes away what the guest reports as free, within seconds, and
hands it out again page by page on the account of whoever touches it first. What is measured
would pay for that by chance, several times over. So memory is touched beforehand, held, and
given back piece by piece, as much as what is measured takes: what has just been given back
is handed out next.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

MIB: Final = 1 << 20
_PIECE_BYTES: Final = 32 * MIB
_LEFT_BYTES: Final = 384 * MIB
"""Not held: the machine has other things to do."""
_LOOK_SECONDS: Final = 0.02


@contextmanager
def warm_memory(size_bytes: int) -> Iterator[None]:
    """In the block, the next ``size_bytes`` that anybody asks for are at hand.

    What earlier runs have left to be written to the disk is written first: else the kernel
    slows down whoever writes next.
    """
    os.sync()
    held: deque[mmap.mmap] = deque()
    while len(held) * _PIECE_BYTES < size_bytes and _free_bytes() > _LEFT_BYTES + _PIECE_BYTES:
        held.append(_touched())
    ended = threading.Event()
    thread = threading.Thread(target=_give_back, args=(held, _free_bytes(), ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for piece in held:
            piece.close()


def _touched() -> mmap.mmap:
    piece = mmap.mmap(-1, _PIECE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    piece.madvise(mmap.MADV_HUGEPAGE)
    np.frombuffer(piece, dtype=np.uint8)[:: mmap.PAGESIZE] = 1
    return piece


def _give_back(held: deque[mmap.mmap], level_bytes: int, ended: threading.Event) -> None:
    """Keep as much free as there is now, until nothing is held any more."""
    while held and not ended.wait(_LOOK_SECONDS):
        missing = level_bytes - _free_bytes()
        while held and missing > 0:
            held.popleft().close()
            missing -= _PIECE_BYTES


def _free_bytes() -> int:
    """What the kernel has at hand, caches not counted."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemFree":
            return int(rest.split()[0]) << 10
    raise LookupError("/proc/meminfo tells no MemFree")
