"""zstd behind two functions, one compressor a thread.

All levels give up on random data at several GB/s, so nothing is probed beforehand
(measured: the one stage of a backup that counts).
"""

from __future__ import annotations

import threading
from typing import Final

import zstandard

from kyanite.base.errors import Damaged
from kyanite.engine.format import Codec
from kyanite.engine.storage.base import Data

# Saving less is not worth the reader's time.
_LEAST_SAVING: Final = 0.06

# Level 1 with a table that stays in the processor's first caches and matches of 6 bytes, as
# chunks are short: 2 per cent fewer bytes than plain level 1 at nearly its speed. Level 3
# would save 3 per cent more for half as much time again (file systems and made disks).
_TUNED_LEVEL: Final = 1

_of_thread = threading.local()


def compress(data: Data, level: int) -> tuple[Codec, Data]:
    """``data`` as one zstd frame with its content size, or as it is if that saves too little."""
    compressors: dict[int, zstandard.ZstdCompressor] | None
    compressors = getattr(_of_thread, "compressors", None)
    if compressors is None:
        compressors = _of_thread.compressors = {}
    compressor = compressors.get(level)
    if compressor is None:
        compressor = compressors[level] = _compressor(level)
    frame = compressor.compress(data)
    if len(frame) > len(data) * (1 - _LEAST_SAVING):
        return Codec.RAW, data
    return Codec.ZSTD, frame


def _compressor(level: int) -> zstandard.ZstdCompressor:
    if level != _TUNED_LEVEL:
        return zstandard.ZstdCompressor(level=level)
    return zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(
            window_log=19,
            hash_log=15,
            chain_log=6,
            search_log=1,
            min_match=6,
            target_length=0,
            strategy=zstandard.STRATEGY_FAST,
        )
    )


def decompress(codec: int, data: Data, plain_length: int) -> Data:
    """The plain bytes. ``plain_length`` must come from authenticated data; it bounds the output."""
    plain = decompress_within(codec, data, plain_length)
    if len(plain) != plain_length:
        raise Damaged("Stored bytes have another length than their record says.")
    return plain


def decompress_within(codec: int, data: Data, most_bytes: int) -> Data:
    """The plain bytes, at most ``most_bytes``; raises ``Damaged`` if there are more."""
    if codec == Codec.RAW:
        plain = data
    elif codec == Codec.ZSTD:
        # A frame that claims more than it should is refused before anything is allocated.
        try:
            plain_length = zstandard.frame_content_size(data)
        except zstandard.ZstdError as error:
            raise Damaged(f"Compressed bytes are none: {error}.") from error
        if not 0 <= plain_length <= most_bytes:
            raise Damaged("Compressed bytes have another length than they should.")
        decompressor: zstandard.ZstdDecompressor | None
        decompressor = getattr(_of_thread, "decompressor", None)
        if decompressor is None:
            decompressor = _of_thread.decompressor = zstandard.ZstdDecompressor()
        try:
            plain = decompressor.decompress(data, max_output_size=plain_length)
        except zstandard.ZstdError as error:
            raise Damaged(f"Compressed bytes do not decompress: {error}.") from error
    else:
        raise Damaged(f"Unknown codec {codec}.")
    if len(plain) > most_bytes:
        raise Damaged("Stored bytes have another length than they should.")
    return plain
