"""Marks of bytes of a stream by a keyed pseudo-random decision (docs/format/cuts.md).

In a database dump content moves by any number of bytes. So every byte is decided by
itself: AES-256 of the 16 bytes that end with it, under the cut key. No rolling hash whose
parameters could be solved for from the lengths of chunks. 16 encryptions a byte sound like
much and are a few hundred MB/s a core.
"""

from __future__ import annotations

import threading
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from kyanite.engine.keys import derive
from kyanite.engine.marks import CUT

WINDOW_BYTES: Final = 16
_SPACE: Final = 1 << 24  # three bytes of the cipher decide
_FIRST: Final = bytes(1)


class StreamMarks:
    """Marks one byte in ``gap_bytes`` on average, at least 65536. Thread-safe."""

    def __init__(self, cut_key: bytes, gap_bytes: int) -> None:
        self._key = derive(cut_key, "stream cuts", b"")
        self._least = max(1, min(255, round(_SPACE / gap_bytes)))
        self._of_thread = threading.local()

    def of(self, before: bytes, piece: memoryview) -> bytes:
        """One mark a byte of ``piece``; ``before``: up to 15 bytes that stand before it."""
        marks = bytearray(len(piece))
        before = before[-(WINDOW_BYTES - 1) :]
        data = memoryview(before + bytes(piece))
        for shift in range(min(WINDOW_BYTES, len(data))):
            whole = (len(data) - shift) // WINDOW_BYTES * WINDOW_BYTES
            sealed = self._encrypt(data[shift : shift + whole])
            column = sealed[::WINDOW_BYTES]
            at = column.find(_FIRST)
            while at >= 0:
                block = at * WINDOW_BYTES
                if not sealed[block + 1] and sealed[block + 2] < self._least:
                    end = shift + block + WINDOW_BYTES - 1 - len(before)
                    if end >= 0:
                        marks[end] = CUT
                at = column.find(_FIRST, at + 1)
        return bytes(marks)

    def _encrypt(self, blocks: memoryview) -> bytes:
        context: CipherContext | None = getattr(self._of_thread, "context", None)
        if context is None:
            # ECB on purpose: a pseudo-random function of every window; nothing is hidden by it.
            context = Cipher(algorithms.AES(self._key), modes.ECB()).encryptor()
            self._of_thread.context = context
        return context.update(blocks)
