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
        pacing.new_pack(PACK, [])
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
    pacing.new_pack(1 * MIB, [9 * MIB] * 4)
    assert [pacing.reads_for(200 * KIB, 400 * KIB) for _ in range(5)] == [1] * 5
    pacing.new_pack(16 * MIB, [])
    assert pacing.reads_for(16 * MIB, 32 * MIB) == 1


def test_a_point_whose_numbers_are_wrong_is_still_read() -> None:
    pacing = ReadPacing(2, 1 * MIB, 10)
    pacing.new_pack(PACK, [])
    assert pacing.reads_for(PACK, 2 * PACK) == 2
    pacing.new_pack(PACK, [])
    assert pacing.reads_for(PACK, 2 * PACK) == 1


@pytest.mark.parametrize(
    ("wanted_bytes", "gaps", "widest"),
    [
        pytest.param(20 * MIB, [], 0, id="one piece"),
        pytest.param(20 * MIB, [200 * KIB], 0, id="two pieces are two reads"),
        pytest.param(20 * MIB, [200 * KIB, 900 * KIB], 200 * KIB, id="the narrower gap"),
        pytest.param(
            20 * MIB, [300 * KIB, 900 * KIB, 200 * KIB], 300 * KIB, id="all but the widest"
        ),
        pytest.param(20 * MIB, [700 * KIB] * 4, 700 * KIB, id="as far as a twentieth goes"),
        pytest.param(10 * MIB, [700 * KIB] * 4, 0, id="that costs more than a twentieth"),
        pytest.param(400 * MIB, [2 * MIB] * 3, 0, id="a gap as long as a round trip"),
    ],
)
def test_a_pack_in_many_pieces_is_read_with_the_narrowest_gaps_between(
    wanted_bytes: int, gaps: list[int], widest: int
) -> None:
    assert ReadPacing(2, 1 * MIB).new_pack(wanted_bytes, gaps) == widest


def test_what_whole_packs_save_lets_others_be_read_in_pieces() -> None:
    pacing = ReadPacing(0, 1 * MIB)
    for _ in range(2):
        pacing.new_pack(PACK, [])
        assert pacing.reads_for(PACK, PACK) == 1
    assert pacing.new_pack(PACK, [200 * KIB] * 3) == 0
    assert [pacing.reads_for(8 * MIB, 8 * MIB) for _ in range(4)] == [1] * 4
    assert pacing.new_pack(PACK, [200 * KIB] * 3) == 200 * KIB


def test_what_is_read_along_is_a_twentieth_of_all_at_most() -> None:
    pacing = ReadPacing(2, 1 * MIB)
    gaps = [300 * KIB, 301 * KIB, 302 * KIB, 303 * KIB]
    read_along = 0
    for _ in range(100):
        widest = pacing.new_pack(10 * MIB, gaps)
        for _ in range(1 + sum(gap > widest for gap in gaps)):
            pacing.reads_for(1 * MIB, 1 * MIB)
        read_along += sum(gap for gap in gaps if gap <= widest)
    assert 45 * MIB < read_along <= 50 * MIB


def test_reads_of_pages_count_too() -> None:
    pacing = ReadPacing(2, PACK // 2)
    pacing.pages_read(1)
    assert pacing.new_pack(PACK, [200 * KIB]) == 200 * KIB
    assert pacing.reads_for(PACK, PACK) == 1


def test_a_run_that_could_be_cut_leaves_a_read_for_those_behind_it() -> None:
    pacing = ReadPacing(2, 1 * MIB)
    assert pacing.new_pack(PACK, [2 * MIB]) == 0
    assert [pacing.reads_for(PACK // 2, PACK // 2) for _ in range(2)] == [1, 1]
