"""How a restore cuts what it reads: two reads a pack on average, the last ones short."""

from __future__ import annotations

import pytest

from kyanite.base.units import KIB, MIB
from kyanite.engine.read_pacing import ReadPacing

PACK = 32 * MIB


def reads_of(packs: int, threads: int, total: bool = True, plain: int = 2) -> list[int]:
    """Reads for each of so many whole packs, of chunks that take half of what they are."""
    pacing = ReadPacing(threads, PACK // 2, packs * PACK * plain if total else None)
    counts = []
    for _ in range(packs):
        pacing.new_pack()
        counts.append(pacing.reads_for(PACK, PACK * plain))
    return counts


@pytest.mark.parametrize("packs", [1, 2, 5, 12, 24, 48, 500])
@pytest.mark.parametrize("threads", [1, 3, 16, 40])
def test_a_restore_takes_two_reads_a_pack_at_most(packs: int, threads: int) -> None:
    assert sum(reads_of(packs, threads)) <= 2 * packs


def test_each_thread_gets_a_short_read_first_then_whole_packs() -> None:
    assert reads_of(100, threads=6)[:10] == [2, 2, 2, 1, 1, 1, 1, 1, 1, 1]


def test_the_last_reads_are_shorter_and_shorter() -> None:
    counts = reads_of(100, threads=6)
    assert counts[-16:] == sorted(counts[-16:])
    assert counts[-1] == PACK // (4 * MIB)


def test_without_a_known_end_there_is_no_slow_end() -> None:
    assert reads_of(100, threads=6, total=False)[3:] == [1] * 97


def test_many_runs_in_a_pack_leave_no_reads_for_more_parts() -> None:
    pacing = ReadPacing(2, 1 * MIB, 40 * MIB)
    pacing.new_pack()
    assert [pacing.reads_for(200 * KIB, 400 * KIB) for _ in range(5)] == [1] * 5
    pacing.new_pack()
    assert pacing.reads_for(16 * MIB, 32 * MIB) == 1


def test_a_point_whose_numbers_are_wrong_is_still_read() -> None:
    pacing = ReadPacing(2, 1 * MIB, 10)
    pacing.new_pack()
    assert pacing.reads_for(PACK, 2 * PACK) == 2
    pacing.new_pack()
    assert pacing.reads_for(PACK, 2 * PACK) == 1
