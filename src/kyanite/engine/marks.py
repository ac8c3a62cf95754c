"""What one byte says of a block of data, for whoever cuts (cutting.py)."""

from __future__ import annotations

from typing import Final

PLAIN: Final = 0
CUT: Final = 1  # a chunk may end behind this block
ZERO: Final = 2  # all of the block is zeros
