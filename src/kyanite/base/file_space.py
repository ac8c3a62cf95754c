"""Asking a file system for space at once, instead of block by block as bytes come.

On ext4 the bookkeeping of single blocks costs as much as copying the bytes (measured).
``os.posix_fallocate`` would do, but where a file system cannot, it writes every block itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

_KEEP_SIZE: Final = 1  # FALLOC_FL_KEEP_SIZE
_Fallocate: TypeAlias = Callable[[int, int, int, int], int]


def set_aside(file: int, offset: int, length: int) -> None:
    """Space for a range of an open file that will be written right now.

    A hint: readers see nothing of it, and what stands in its way is said by the write.
    """
    _fallocate()(file, _KEEP_SIZE, offset, length)


@lru_cache(maxsize=1)
def _fallocate() -> _Fallocate:
    import ctypes  # a few milliseconds, for which not every command has a use

    function = ctypes.CDLL(None).fallocate
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    function.restype = ctypes.c_int
    found: _Fallocate = function
    return found
