"""Disk images as the lab ships them: only the blocks that hold something, compressed.

One zstd stream of ``<head><block>...<block>``. The head is a line of JSON with the size of
the disk; a block is its byte offset and length (little-endian, 8 and 4 bytes) followed by
its bytes. A 127 GiB disk with a freshly made NTFS in it takes some hundred kilobytes.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from azlab.services.disks.store import PageStore

_BLOCK_HEAD = struct.Struct("<QI")
_GRAIN_BYTES = 4096
_LONGEST_BLOCK_BYTES = 1 << 20
_LEVEL = 19


def write_image(raw_path: Path, image_path: Path) -> None:
    """Turn a raw (sparse) disk file into a shipped image."""
    size_bytes = raw_path.stat().st_size
    with raw_path.open("rb") as raw, image_path.open("wb") as image:
        packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        with packer.stream_writer(image) as stream:
            stream.write(json.dumps({"sizeBytes": size_bytes}).encode() + b"\n")
            for offset, block in _filled_blocks(raw, size_bytes):
                stream.write(_BLOCK_HEAD.pack(offset, len(block)))
                stream.write(block)


def image_size_bytes(image_path: Path) -> int:
    """The size of the disk an image describes."""
    with image_path.open("rb") as file:
        return _head(zstandard.ZstdDecompressor().stream_reader(file))


def lay_image(image_path: Path, store: PageStore, volume_id: str) -> None:
    """Write an image into a volume that is at least as large."""
    with image_path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file)
        _head(stream)
        while head := _exactly(stream, _BLOCK_HEAD.size):
            offset, length = _BLOCK_HEAD.unpack(head)
            store.write(volume_id, offset, memoryview(_exactly(stream, length)))


def _filled_blocks(raw: BinaryIO, size_bytes: int) -> Iterator[tuple[int, bytes]]:
    position = 0
    zeros = bytes(_GRAIN_BYTES)
    while position < size_bytes:
        try:
            position = os.lseek(raw.fileno(), position, os.SEEK_DATA)
        except OSError:
            return  # nothing but holes from here on
        hole = os.lseek(raw.fileno(), position, os.SEEK_HOLE)
        pending = bytearray()
        while position < hole:
            grain = os.pread(raw.fileno(), min(_GRAIN_BYTES, hole - position), position)
            filled = grain != zeros[: len(grain)]
            if filled:
                pending += grain
            if pending and (not filled or len(pending) >= _LONGEST_BLOCK_BYTES):
                end = position + (len(grain) if filled else 0)
                yield end - len(pending), bytes(pending)
                pending.clear()
            position += len(grain)
        if pending:
            yield position - len(pending), bytes(pending)


def _head(stream: zstandard.ZstdDecompressionReader) -> int:
    line = b""
    while not line.endswith(b"\n"):
        line += _exactly(stream, 1)
    return int(json.loads(line)["sizeBytes"])


def _exactly(stream: zstandard.ZstdDecompressionReader, length: int) -> bytes:
    """``length`` bytes, or nothing at the end of the stream."""
    found = b""
    while len(found) < length:
        more = stream.read(length - len(found))
        if not more:
            if found:
                raise ValueError("The disk image ends in the middle of a block.")
            return b""
        found += more
    return found
