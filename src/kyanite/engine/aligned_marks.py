"""Marks of 4 KiB blocks by a keyed pseudo-random decision (docs/format/cuts.md).

File systems place file data at multiples of 4 KiB, so a decision for every block finds
moved content again, without a hash that rolls over bytes. The *feature* of a block is
the exclusive or of 16 of its 512 words of 64 bits, and of 16 others: 16 bytes. The block
is marked if the first byte of AES-256 of the feature under the cut key is small. What a
thief learns of cut points says nothing about the key, nor about other content.

32 sampled words share as much between real file systems as the sum of all 512 words
(measured: within 0.5 %), and need no array library, whose import takes longer than
the whole cutting of an increment.
"""

from __future__ import annotations

import threading
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from kyanite.engine.marks import CUT, PLAIN, ZERO
from kyanite.engine.zeros import is_zero

BLOCK_BYTES: Final = 4096
FEATURE_BYTES: Final = 16
_WORDS: Final = BLOCK_BYTES // 8

# Word 0 is one of them: the end of a file often fills only the first bytes of a block.
SAMPLED_WORDS: Final = tuple(16 * step + 5 * step % 16 for step in range(32))

_NO_FEATURE: Final = bytes(FEATURE_BYTES)
_RUN_BLOCKS: Final = 16  # zeros are compared so many blocks at once


class AlignedMarks:
    """Marks one block in ``gap_bytes / 4096`` on average. Thread-safe."""

    def __init__(self, cut_key: bytes, gap_bytes: int) -> None:
        self._key = cut_key
        self._of_thread = threading.local()
        least = max(1, min(255, round(256 * BLOCK_BYTES / gap_bytes)))
        self._table = bytes(CUT if byte < least else PLAIN for byte in range(256))
        # Blocks without a feature never end a chunk, whatever the key: another byte decides
        # if the first one would mark them.
        nothing = self._encrypt(_NO_FEATURE)
        self._column = next(n for n in range(FEATURE_BYTES) if nothing[n] >= least)

    def of(self, piece: memoryview) -> bytes:
        """One mark a block; a shorter block at the end is only tested for zeros."""
        count, rest = divmod(len(piece), BLOCK_BYTES)
        marks = bytearray()
        if count:
            features = features_of(piece[: count * BLOCK_BYTES])
            sealed = self._encrypt(features)
            marks += sealed[self._column :: FEATURE_BYTES].translate(self._table)
            _mark_zeros(marks, features, piece)
        if rest:
            marks.append(ZERO if is_zero(piece[-rest:]) else PLAIN)
        return bytes(marks)

    def _encrypt(self, features: bytes) -> bytes:
        context: CipherContext | None = getattr(self._of_thread, "context", None)
        if context is None:
            # ECB on purpose: a pseudo-random function of every block; nothing is hidden by it.
            cipher = Cipher(algorithms.AES(self._key), modes.ECB())
            context = self._of_thread.context = cipher.encryptor()
        return context.update(features)


def features_of(blocks: memoryview) -> bytes:
    """The features of whole blocks, 16 bytes each."""
    words = blocks.cast("B").cast("Q")
    count = len(words) // _WORDS
    folded = [0, 0]
    for number, word in enumerate(SAMPLED_WORDS):
        folded[number & 1] ^= int.from_bytes(words[word::_WORDS].tobytes(), "little")
    features = bytearray(FEATURE_BYTES * count)
    pairs = memoryview(features).cast("Q")
    for place, value in enumerate(folded):
        pairs[place::2] = memoryview(value.to_bytes(8 * count, "little")).cast("Q")
    return bytes(features)


def _mark_zeros(marks: bytearray, features: bytes, piece: memoryview) -> None:
    """Mark the blocks of zeros; only blocks without a feature can be some."""
    at = features.find(_NO_FEATURE)
    while at >= 0:
        block = -(-at // FEATURE_BYTES)
        run = 0
        while run < _RUN_BLOCKS and features.startswith(_NO_FEATURE, (block + run) * FEATURE_BYTES):
            run += 1
        if run:
            run = _zeros(marks, piece, block, run)
        at = features.find(_NO_FEATURE, (block + max(run, 1)) * FEATURE_BYTES)


def _zeros(marks: bytearray, piece: memoryview, block: int, run: int) -> int:
    """Mark a run of blocks that have no feature, as far as they are zeros; returns ``run``."""
    start = block * BLOCK_BYTES
    if is_zero(piece[start : start + run * BLOCK_BYTES]):
        marks[block : block + run] = bytes([ZERO]) * run
        return run
    for number in range(block, block + run):
        if is_zero(piece[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]):
            marks[number] = ZERO
    return run
