"""Contents as files. A file is written once, under a name nobody knows yet, then referred to.

Nothing is synced to the disk: what the operating system has accepted survives the death of the
process, which is the promise (a power cut is not survived). Files to which no row refers, left by
a kill between writing and committing, are removed at the next start.
"""

import os
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from azlab.services.storage_blob.store.records import Segment

COPY_BUFFER_BYTES = 1 << 20  # few enough calls for GB/s, small enough to stay in the cache


class Checksum(Protocol):
    def update(self, data: memoryview, /) -> None: ...


class ByteSource(Protocol):
    """A request body, or another blob."""

    def readinto(self, buffer: memoryview) -> int: ...


class ContentFiles:
    """The folder of contents. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        for first in range(256):
            (folder / f"{first:02x}").mkdir(exist_ok=True)
        self._lock = threading.Lock()
        self._pins: Counter[str] = Counter()
        self._doomed: set[str] = set()

    def _path(self, content_id: str) -> Path:
        return self._folder / content_id[:2] / content_id

    def write(self, source: ByteSource, size_bytes: int, checksums: Sequence[Checksum] = ()) -> str:
        """Stores exactly `size_bytes` of `source` and returns the id of the new content.

        Raises EOFError (and keeps nothing) when the source ends early.
        """
        content_id = uuid.uuid4().hex
        path = self._path(content_id)
        buffer = memoryview(bytearray(min(COPY_BUFFER_BYTES, max(size_bytes, 1))))
        left = size_bytes
        try:
            with path.open("xb", buffering=0) as file:
                while left:
                    count = source.readinto(buffer[: min(left, len(buffer))])
                    if not count:
                        raise EOFError("the body ended before its announced length")
                    piece = buffer[:count]
                    for checksum in checksums:
                        checksum.update(piece)
                    _write_all(file.fileno(), piece)
                    left -= count
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return content_id

    def discard(self, content_ids: Iterable[str]) -> None:
        """Removes contents to which nothing refers any more; those being read go afterwards."""
        for content_id in content_ids:
            with self._lock:
                if self._pins[content_id]:
                    self._doomed.add(content_id)
                    continue
            self._path(content_id).unlink(missing_ok=True)

    def remove_unreferenced(self, is_referenced: Callable[[str], bool]) -> int:
        """To be called before the service answers; returns how many files were left over."""
        removed = 0
        for path in self._folder.glob("??/*"):
            if not is_referenced(path.name):
                path.unlink()
                removed += 1
        return removed

    def pin(self, content_ids: Iterable[str]) -> None:
        """Keeps contents readable although their blob may be replaced meanwhile.

        Call it inside the transaction that read the segments; `unpin` exactly once afterwards.
        """
        with self._lock:
            self._pins.update(content_ids)

    def unpin(self, content_ids: Iterable[str]) -> None:
        gone = []
        with self._lock:
            for content_id in content_ids:
                self._pins[content_id] -= 1
                if self._pins[content_id] <= 0:
                    del self._pins[content_id]
                    if content_id in self._doomed:
                        self._doomed.remove(content_id)
                        gone.append(content_id)
        for content_id in gone:
            self._path(content_id).unlink(missing_ok=True)

    def read(self, segments: Iterable[Segment], offset: int, length: int) -> Iterator[bytes]:
        """The bytes [offset, offset + length) of the blob these segments make up.

        Each piece is a buffer of its own: whoever gets it may keep it.
        """
        end = offset + length
        for segment in segments:
            at = max(offset, segment.start)
            stop = min(end, segment.start + segment.size_bytes)
            if at >= stop:
                continue
            with self._path(segment.content_id).open("rb", buffering=0) as file:
                file.seek(at - segment.start)
                while at < stop:
                    piece = file.read(min(COPY_BUFFER_BYTES, stop - at))
                    if not piece:
                        raise EOFError(f"content {segment.content_id} is shorter than recorded")
                    at += len(piece)
                    yield piece


class ContentStream:
    """The bytes of a range, read when they are sent. The contents stay pinned until the end.

    The pins were taken in the transaction that found the segments; they are given back once, when
    the stream is used up, closed or dropped.
    """

    def __init__(
        self, files: ContentFiles, segments: Sequence[Segment], offset: int, length: int
    ) -> None:
        self._files = files
        self._segments = tuple(segments)
        self._offset = offset
        self._length = length
        self._pinned = True

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._files.read(self._segments, self._offset, self._length)
        finally:
            self.close()

    def close(self) -> None:
        if self._pinned:
            self._pinned = False
            self._files.unpin(segment.content_id for segment in self._segments)

    def __del__(self) -> None:
        self.close()


def _write_all(descriptor: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]
