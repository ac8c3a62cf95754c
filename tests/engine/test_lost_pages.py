"""Lost list pages are made anew, byte for byte, from whoever has the same contents."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kyanite.base.errors import EngineError
from kyanite.base.units import KIB
from kyanite.engine.copying import copy_points
from kyanite.engine.index import load_index
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repack_rule import Price
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import ONE_THREAD, TINY, back_up_disk, restored, tiny_repository

CHOOSER = random.Random(77)
CONTENTS = CHOOSER.randbytes(200 * KIB) + bytes(100 * KIB) + CHOOSER.randbytes(230 * KIB)
EAGER = Price(gib_month=1000.0, most_live=0.99)
KINDS = {
    "fixed": replace(TINY, page_span_bytes=512 * KIB, pack_bytes=256 * KIB),
    "aligned": replace(
        TINY,
        cut_kind="aligned",
        cut_least_bytes=8 * KIB,
        cut_bytes=16 * KIB,
        cut_most_bytes=64 * KIB,
        pack_bytes=256 * KIB,
        page_span_bytes=512 * KIB,
    ),
}


def page_packs(repository: Repository, point: Point) -> set[str]:
    """Packs that hold a list page of a point."""
    keys = repository.read_keys
    index = load_index(repository.storage, keys.maintenance_key, repository.repository_id)
    reader = PageReader(
        repository.storage, index.find_all, keys.maintenance_key, repository.repository_id
    )
    (disk,) = point.disks
    pages = [*disk.inner, *reader.leaves(disk)]
    return {
        location.pack.name
        for page in pages
        if page.pack is not None
        for location in index.find_all(page.page_id)
    }


def lose_pages(
    repository: Repository, storage: MemoryStorage, point: Point, prefix: str = "packs/"
) -> None:
    for name in page_packs(repository, point):
        if name.startswith(prefix):
            storage.delete(name)
    report = repository.verify(Level.PRESENT)
    assert report.damages
    repository.remember(report)


def sound(repository: Repository) -> bool:
    repository.clean(whole=True)
    return repository.verify(Level.FULL).damages == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whole_index", [True, False], ids=["index knows", "index forgot"])
def test_the_next_full_backup_brings_lost_pages_back(kind: str, whole_index: bool) -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage, KINDS[kind])
    point = back_up_disk(repository, CONTENTS).point
    lose_pages(repository, storage, point)
    with pytest.raises(EngineError):
        restored(repository, point)
    if not whole_index:
        repository.rebuild_index()
    again = back_up_disk(repository, CONTENTS).point
    report = repair(repository)
    assert report.lost == 0
    assert report.holes == {}
    for one in (point, again):
        assert restored(repository, one) == CONTENTS
    assert sound(repository)
    repository.delete_points([again.session_id])
    assert sound(repository)
    assert restored(repository, point) == CONTENTS


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_repository_with_other_keys_and_cuts_brings_lost_pages_back(kind: str) -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage, KINDS[kind])
    one = back_up_disk(repository, CONTENTS).point
    changed = bytearray(CONTENTS)
    changed[3 * KIB : 9 * KIB] = CHOOSER.randbytes(6 * KIB)
    two = back_up_disk(
        repository,
        changed,
        parent=one.session_id,
        changes=RangeList([ByteRange(3 * KIB, 6 * KIB)]),
    ).point
    second = tiny_repository(MemoryStorage(), replace(TINY, cut_bytes=32 * KIB))
    copy_points(repository, second, repository.points(), parallelism=ONE_THREAD)
    lose_pages(repository, storage, two)
    report = repair(repository, second)
    assert (report.lost, report.holes) == (0, {})
    assert restored(repository, one) == CONTENTS
    assert restored(repository, two) == changed
    assert sound(repository)


def test_pages_that_name_packs_that_were_moved_since_come_back() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage, KINDS["fixed"])
    contents = bytearray(CONTENTS)

    def increment(parent: Point, *places: int) -> Point:
        for at in places:
            contents[at : at + 16 * KIB] = CHOOSER.randbytes(16 * KIB)
        changes = RangeList(ByteRange(at, 16 * KIB) for at in places)
        return back_up_disk(repository, contents, parent=parent.session_id, changes=changes).point

    first = back_up_disk(repository, contents).point
    second = increment(first, *range(0, 180 * KIB, 32 * KIB))
    repository.delete_points([first.session_id])
    assert repository.repack(EAGER).moved_packs
    repository.clean(whole=True)
    point = increment(second, 16 * KIB)
    then = bytes(contents)
    later = increment(point, 48 * KIB)
    lose_pages(repository, storage, point, f"packs/{point.session_id}/")
    back_up_disk(repository, then)
    report = repair(repository)
    assert (report.lost, report.holes) == (0, {})
    assert restored(repository, point) == then
    assert restored(repository, later) == contents
    assert sound(repository)


def test_what_nobody_has_stays_a_hole_and_nothing_is_made_up() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    point = back_up_disk(repository, CONTENTS).point
    lose_pages(repository, storage, point)
    other = bytearray(CONTENTS)
    other[:KIB] = CHOOSER.randbytes(KIB)
    back_up_disk(repository, other)
    report = repair(repository)
    assert set(report.holes) == {point.session_id}
    with pytest.raises(EngineError):
        restored(repository, point)


def test_an_increment_is_not_built_on_a_point_whose_pages_are_lost() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    point = back_up_disk(repository, CONTENTS).point
    assert repository.can_be_parent(point)
    lose_pages(repository, storage, point)
    assert not repository.can_be_parent(point)
    back_up_disk(repository, CONTENTS)
    repair(repository)
    assert repository.can_be_parent(point)
