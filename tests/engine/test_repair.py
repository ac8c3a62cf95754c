"""Damage is noted, respected, refilled from wherever the bytes can be had, or named as holes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kyanite.base.errors import EngineError, NotFound, PointVoided, StorageUnavailable
from kyanite.base.units import KIB
from kyanite.engine.copying import copy_points
from kyanite.engine.damage_notes import read_notes
from kyanite.engine.excision import excise
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.faulty import Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import (
    ONE_THREAD,
    TINY,
    MemoryDisk,
    back_up_disk,
    restored,
    tiny_repository,
)
from support.troubles import Trouble, each_trouble

NOISE = random.Random(12).randbytes(180 * KIB)
WIDE = replace(TINY, page_span_bytes=512 * KIB)  # one page, in the last pack


def repository_with_points(storage: Storage) -> tuple[Repository, Point, Point]:
    repository = tiny_repository(storage, WIDE)
    one = back_up_disk(repository, NOISE, label="one").point
    changed = bytearray(NOISE)
    changed[:KIB] = random.Random(1).randbytes(KIB)
    two = back_up_disk(
        repository,
        changed,
        label="two",
        parent=one.session_id,
        changes=RangeList([ByteRange(0, KIB)]),
    ).point
    return repository, one, two


def changed_noise() -> bytes:
    changed = bytearray(NOISE)
    changed[:KIB] = random.Random(1).randbytes(KIB)
    return bytes(changed)


def flip(storage: MemoryStorage, name: str, at: int = 64 + 100) -> None:
    data = bytearray(storage.get(name))
    data[at] ^= 1
    storage.overwrite(name, bytes(data))


def hurt_pack(storage: MemoryStorage, point: Point, *, lose: bool) -> str:
    """Damage the first pack of a point, or lose it."""
    name = next(storage.list(f"packs/{point.session_id}/")).name
    if lose:
        storage.delete(name)
    else:
        flip(storage, name)
    return name


def restored_with_holes(
    repository: Repository, point: Point
) -> tuple[bytes, list[tuple[int, int]]]:
    disk = point.disks[0]
    target = MemoryDisk(bytes(disk.size_bytes))
    lost: list[tuple[int, int]] = []
    restore_disk(
        repository.storage,
        repository.read_keys,
        point,
        disk.disk_id,
        target,
        parallelism=ONE_THREAD,
        lost=lambda offset, length, _: lost.append((offset, length)),
    )
    return bytes(target.contents), sorted(lost)


def note_what_verify_finds(repository: Repository) -> None:
    report = repository.verify(Level.FULL)
    assert report.damages
    repository.remember(report)


def is_sound(repository: Repository) -> bool:
    """Verify finds nothing once cleaning has been through."""
    repository.clean(whole=True)
    return repository.verify(Level.FULL).damages == ()


@pytest.mark.parametrize("lose", [False, True])
def test_damage_is_refilled_from_a_second_repository_with_other_keys(lose: bool) -> None:
    storage = MemoryStorage()
    repository, one, two = repository_with_points(storage)
    second = tiny_repository(MemoryStorage(), replace(TINY, cut_bytes=8 * KIB))
    copy_points(repository, second, repository.points(), parallelism=ONE_THREAD)
    hurt_pack(storage, one, lose=lose)
    note_what_verify_finds(repository)
    report = repair(repository, second)
    assert report.from_second > 0
    assert report.lost == 0
    assert report.repaired_packs == 1
    assert restored(repository, one) == NOISE
    assert restored(repository, two) == changed_noise()
    assert is_sound(repository)
    repository.delete_points([two.session_id])
    assert is_sound(repository)
    assert restored(repository, one) == NOISE  # what took the pack's place is kept


@pytest.mark.parametrize("lose", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_the_next_backup_of_the_same_source_stores_it_anew(lose: bool, full: bool) -> None:
    storage = MemoryStorage()
    repository, one, two = repository_with_points(storage)
    hurt_pack(storage, one, lose=lose)
    note_what_verify_finds(repository)
    contents = bytearray(changed_noise())
    contents[-10:] = b"new at end"
    parent = None if full else two.session_id
    changes = None if full else RangeList([ByteRange(len(contents) - 10, 10)])
    third = back_up_disk(repository, contents, parent=parent, changes=changes, label="three").point
    assert restored(repository, third) == contents
    # Unchanged chunks heal the older points as well, at once; a repair makes it last.
    assert restored(repository, two) == changed_noise()
    report = repair(repository)
    assert report.from_second == 0
    repository.delete_points([third.session_id])
    repository.clean(whole=True)
    assert restored(repository, two) == changed_noise()


def test_without_a_source_the_holes_are_named_and_the_rest_can_be_restored() -> None:
    storage = MemoryStorage()
    repository, one, two = repository_with_points(storage)
    hurt_pack(storage, one, lose=True)
    note_what_verify_finds(repository)
    report = repair(repository)
    assert report.lost > 0
    assert set(report.holes) == {one.session_id, two.session_id}
    for point, contents in ((one, NOISE), (two, changed_noise())):
        with pytest.raises(EngineError):
            restored(repository, point)
        data, lost = restored_with_holes(repository, point)
        expected = bytearray(contents)
        for offset, length in lost:
            expected[offset : offset + length] = bytes(length)
        assert data == expected
        assert (
            RangeList(ByteRange(*place) for place in lost) == report.holes[point.session_id]["disk"]
        )
    note, _ = read_notes(storage, *_structure(repository))
    assert note.holes == report.holes
    assert repository.verify(Level.PRESENT).damages  # still found by listing alone
    repository.clean(whole=True)  # and cleaning is not blocked by what is gone for good
    second = tiny_repository(MemoryStorage())
    back_up_disk(second, NOISE)  # the same machine, backed up there by itself
    assert repair(repository, second).lost == 0
    assert restored(repository, one) == NOISE
    assert is_sound(repository)
    assert read_notes(storage, *_structure(repository)) == (type(note)(), [])


def test_a_chunk_of_an_excised_session_counts_as_missing() -> None:
    storage = MemoryStorage()
    repository, one, two = repository_with_points(storage)
    other = back_up_disk(repository, random.Random(2).randbytes(50 * KIB), machine="other").point
    done = excise(repository, one.session_id)
    assert {point.session_id for point in done.points} == {one.session_id, two.session_id}
    for point in (one, two):
        with pytest.raises(EngineError):
            restored(repository, point)
    assert restored(repository, other)
    hurt = {h.session_id for d in repository.verify(Level.PRESENT).damages for h in d.hurts}
    assert hurt == {one.session_id, two.session_id}
    again = back_up_disk(repository, NOISE, machine="third").point  # shares nothing of it
    assert again.stored_bytes > len(NOISE)
    assert restored(repository, again) == NOISE
    assert restored(repository, one) == NOISE
    assert repair(repository).lost == 0
    assert restored(repository, two) == changed_noise()
    assert is_sound(repository)
    with pytest.raises(NotFound):
        excise(repository, "00000000-0000-4000-8000-000000000000")


@each_trouble
def test_a_repair_whose_second_repository_is_in_trouble_at_any_call_can_be_repeated(
    trouble: Trouble,
) -> None:
    storage, elsewhere = MemoryStorage(), MemoryStorage()
    repository, one, _ = repository_with_points(storage)
    second = tiny_repository(elsewhere)
    back_up_disk(second, NOISE)
    hurt_pack(storage, one, lose=False)
    note_what_verify_finds(repository)
    failed = 0
    for number in range(1, 1000):
        copy = storage.copy()
        struck = Repository.open_with_master(copy, repository.master_key)
        faulty = trouble.at(elsewhere, number)
        try:
            repair(struck, Repository.open_with_master(faulty, second.master_key))
        except StorageUnavailable:
            failed += 1
            repair(struck, second)
        assert restored(struck, one) == NOISE
        assert is_sound(struck)
        assert struck.open_sessions() == []
        if faulty.seen < number:
            break
    assert failed > 5


def test_a_repair_that_a_cleaning_has_given_up_moves_nothing() -> None:
    storage = MemoryStorage()
    repository, one, _ = repository_with_points(storage)
    second = tiny_repository(MemoryStorage())
    back_up_disk(second, NOISE)
    hurt_pack(storage, one, lose=False)
    note_what_verify_finds(repository)

    def give_up() -> None:
        for session_id in repository.open_sessions():
            repository.abandon_session(session_id)

    # Frozen before its third write: the session and a pack are there, the moves are not.
    frozen = FrozenStorage(storage, 3, Moment.BEFORE, meanwhile=give_up)
    with pytest.raises(PointVoided):
        repair(Repository.open_with_master(frozen, repository.master_key), second)
    assert repair(repository, second).lost == 0
    assert restored(repository, one) == NOISE
    assert is_sound(repository)


def _structure(repository: Repository) -> tuple[bytes, bytes]:
    return repository.read_keys.maintenance_key, repository.repository_id
