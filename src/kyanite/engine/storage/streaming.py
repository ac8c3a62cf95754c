"""Reading a range piece by piece: what is read can be worked on while the rest is on its way."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, cast, runtime_checkable

from kyanite.engine.storage.base import Data, Storage


class ByteStream(Protocol):
    """The bytes of a range, in order. Used by one thread; whoever opened it closes it."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill ``buffer``; the count is smaller only at the end of the range or the object.

        Raises what ``Storage.get_range`` does.
        """
        ...

    def skip(self, count: int) -> None:
        """Leave out so many bytes, or what is left of the range; raises what reading does."""
        ...

    def close(self) -> None:
        """End the read, wherever it is."""
        ...


@runtime_checkable
class StreamingStorage(Storage, Protocol):
    """A storage that need not have a range whole before it hands out its beginning."""

    def open_range(self, name: str, offset: int, length: int) -> ByteStream:
        """As ``get_range`` (``offset`` not negative), one request however it is read."""
        ...


@runtime_checkable
class InPlaceStorage(StreamingStorage, Protocol):
    """A storage that may be so near that what a stream skips costs nothing."""

    def reads_in_place(self) -> bool:
        """Whether it is."""
        ...


def reads_in_place(storage: Storage) -> bool:
    """Whether one request for scattered parts of an object costs no more than their bytes."""
    return isinstance(storage, InPlaceStorage) and storage.reads_in_place()


def open_range(storage: Storage, name: str, offset: int, length: int) -> ByteStream:
    """The range as a stream; from a storage that does not stream, it is read whole."""
    if _streams(type(storage)):
        return cast("StreamingStorage", storage).open_range(name, offset, length)
    return BytesStream(storage.get_range(name, offset, length))


@lru_cache(maxsize=64)
def _streams(kind: type[Storage]) -> bool:
    """Asked for every read, and slow to find out."""
    return issubclass(kind, StreamingStorage)


class BytesStream:
    """A stream of bytes that are here."""

    def __init__(self, data: Data) -> None:
        self._left = memoryview(data)

    def read_into(self, buffer: memoryview) -> int:
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def skip(self, count: int) -> None:
        self._left = self._left[count:]

    def close(self) -> None:
        self._left = self._left[:0]
