"""How long the reads of a whole restore are. Pure decisions, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kyanite.base.units import MIB

_READS_OF_A_PACK: Final = 2
_LEAST_BYTES: Final = 4 * MIB  # what a connection brings in three round trips
_WIDEST_GAP_BYTES: Final = 1 * MIB  # what it brings in one: a read of its own costs no more
# Restores promise to read at most a tenth more than they want, however old their chain is.
_READ_ALONG_SHARE: Final = 0.05


class ReadPacing:
    """Two reads a pack on average, at most, as far as packs are wanted in few pieces.

    Short ones first, so that all threads soon have one; then whole packs; at the end, as far
    as these have saved reads, shorter and shorter ones, so that all threads end together.
    Of a pack that is wanted in many pieces those with the narrowest gaps between them are read
    as one, as long as that costs few bytes; where gaps can be skipped, all of them are.
    """

    def __init__(
        self,
        threads: int,
        first_bytes: int,
        total_bytes: int | None = None,
        *,
        skips_gaps: bool = False,
    ) -> None:
        """Pacing for ``threads`` that read at the same time.

        first_bytes  of the first reads, one for each thread; half a pack or more
        total_bytes  plain ones of the whole restore; ``None``: unknown, there is no slow end
        skips_gaps   a read need not bring what lies between the runs of a pack
        """
        self.skips_gaps = skips_gaps
        self._threads = threads
        self._first_bytes = first_bytes
        self._total_bytes = total_bytes
        self._reads = 0
        self._saved_reads = 0
        self._stored_bytes = 0
        self._plain_bytes = 0
        self._spare_bytes = 0.0
        self._runs_left = 0  # of the present pack

    def pages_read(self, count: int) -> None:
        """So many reads go to pages of the list."""
        self._saved_reads -= count

    def new_pack(self, wanted_bytes: int, gaps: Sequence[int]) -> int:
        """Two more reads may be made. Returns how wide a gap is, at most, that is no new read.

        wanted_bytes  of this pack
        gaps          bytes between the runs of neighbours that are wanted, in any order
        """
        self._saved_reads += _READS_OF_A_PACK
        if self.skips_gaps:
            self._runs_left = 1
            return max(gaps, default=0)
        self._spare_bytes += wanted_bytes * _READ_ALONG_SHARE
        too_many = len(gaps) + 1 - max(1, self._saved_reads)
        widest = 0
        for gap in sorted(gaps)[: max(0, too_many)]:
            if gap > min(_WIDEST_GAP_BYTES, self._spare_bytes):
                break
            self._spare_bytes -= gap
            widest = gap
        self._runs_left = 1 + sum(gap > widest for gap in gaps)
        return widest

    def reads_for(self, stored_bytes: int, plain_bytes: int) -> int:
        """In how many reads to take a run of neighbours in the present pack; one at least.

        ``plain_bytes``: what it is of the disk.
        """
        size = self._first_bytes if self._reads < self._threads else stored_bytes
        left_plain = 0 if self._total_bytes is None else self._total_bytes - self._plain_bytes
        self._stored_bytes += stored_bytes
        self._plain_bytes += plain_bytes
        if left_plain > 0 and self._plain_bytes:
            left = left_plain * self._stored_bytes // self._plain_bytes
            size = min(size, max(_LEAST_BYTES, left // (2 * self._threads)))
        self._runs_left -= 1
        count = max(1, min(-(-stored_bytes // size), self._saved_reads - self._runs_left))
        self._reads += count
        self._saved_reads -= count
        return count
