"""What a backup is given: disks that can be read anywhere, streams that are read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kyanite.engine.ranges import RangeList


class Source(Protocol):
    """A disk that can be read at any place. Thread-safe."""

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with the bytes from ``offset``; all of them or an error."""
        ...


@runtime_checkable
class ForeseeingSource(Source, Protocol):
    """A source that is faster if it knows what comes."""

    def expect(self, ranges: RangeList) -> None:
        """These will be read soon, about in their order. Costs little, and may do nothing."""
        ...


@dataclass(frozen=True, slots=True)
class DiskInput:
    """A disk to back up.

    allocated  what may hold data; the rest is known to be zero. ``None``: read everything
    changes    what differs from the disk of the same ``disk_id`` in the parent point.
               ``None``: the whole disk is taken (a full backup of this disk)
    """

    disk_id: str
    name: str
    size_bytes: int
    source: Source
    allocated: RangeList | None = None
    changes: RangeList | None = None


class ByteStream(Protocol):
    """Read in order, by one thread at a time."""

    def read(self, size_bytes: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class StreamInput:
    """A stream of unknown length, as a dump of a database; always taken whole.

    It becomes a disk of the point whose size is the number of bytes that came.
    """

    disk_id: str
    name: str
    stream: ByteStream
