"""How much happens at once: a matter of the machine and the way to its data, not of the format."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from kyanite.base.units import MIB


@dataclass(frozen=True, slots=True)
class Parallelism:
    """Threads and request sizes of one backup or restore.

    readers      threads that read the source and carry the chunks through the chain
    workers      how many of them compute at the same time
    uploads      packs on their way to the storage at once; each holds a buffer of a pack
    read_bytes   at most so much per read from the source
    fetches      threads that read packs, open chunks and write the target
    fetch_bytes  of the first reads from packs, about; later ones take whole packs, not held whole
    write_bytes  neighbouring chunks are joined to writes of at most this; 0: never joined
    """

    readers: int
    workers: int
    uploads: int
    read_bytes: int
    fetches: int
    fetch_bytes: int
    write_bytes: int

    @property
    def waits_for_source(self) -> bool:
        """Threads wait for what they read more than they compute."""
        return self.readers > self.workers

    @property
    def waits_for_storage(self) -> bool:
        """Many packs are on their way at once."""
        return self.uploads > 1

    @classmethod
    def local(cls) -> Parallelism:
        """For files: as many threads as cores; pieces so large that threads seldom meet.

        One pack on its way is enough, and keeps memory low. A restore has one thread more:
        somebody always waits for a disk.
        """
        cores = _cores()
        return cls(cores, cores, 1, 2 * MIB, cores + 1, 24 * MIB, 1 * MIB)

    @classmethod
    def far_storage(cls) -> Parallelism:
        """For a disk here and a storage over a network: ``local`` on one side, that on the other.

        Pieces that many threads hold while few may compute are out of the processor's caches
        when their turn comes: a sixth more time for the same work (measured).
        """
        near, far = cls.local(), cls.network()
        return replace(
            far, readers=near.workers + 1, workers=near.workers + 1, write_bytes=near.write_bytes
        )

    @classmethod
    def network(cls) -> Parallelism:
        """For 20 ms a request and 60 MB/s a connection: enough in flight for 600 MB/s."""
        return cls(16, _cores() + 1, 10, 4 * MIB, 16, 16 * MIB, 4 * MIB)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
