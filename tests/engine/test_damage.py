"""Whatever happens to a stored byte is found, named, and never served as good data."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from kyanite.base.clock import ManualClock
from kyanite.base.errors import EngineError, KyaniteError, StorageError
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.storage.wrapper import StorageWrapper
from kyanite.engine.verify import Level
from support.engine import PASSWORD, back_up_disk, restored, tiny_repository

NOISE = random.Random(5).randbytes(150 * KIB)
TEXT = b"the same words over and over " * 4000


def _repository() -> tuple[MemoryStorage, Repository, dict[str, bytes]]:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    expected = {}
    for label, contents in (("a", NOISE + TEXT), ("b", TEXT + NOISE)):
        point = back_up_disk(repository, contents, label=label).point
        expected[point.session_id] = contents
    return storage, repository, expected


def _never_a_lie(storage: MemoryStorage, expected: dict[str, bytes], master_key: bytes) -> bool:
    """Restores give the right bytes or an error. True: every point still restores."""
    whole = True
    for session_id, contents in expected.items():
        try:
            repository = Repository.open_with_master(storage, master_key)
            assert restored(repository, repository.read_point(session_id)) == contents
        except (EngineError, StorageError):
            whole = False
    return whole


def test_every_flipped_bit_is_found_and_named_and_never_served() -> None:
    chooser = random.Random(2024)
    storage, repository, expected = _repository()
    names = [info.name for info in storage.list("") if not info.name.startswith("keys/")]
    kinds = {name.split("/")[0] for name in names}
    assert kinds == {"repository", "rings", "sessions", "packs", "index", "points", "traces"}
    for name in names:
        data = storage.get(name)
        places = {0, 8, 12, 20, 40, 60, 64, len(data) - 1, len(data) - 9, len(data) - 70}
        places |= {chooser.randrange(len(data)) for _ in range(12)}
        for place in sorted(p for p in places if 0 <= p < len(data)):
            damaged = storage.copy()
            flipped = bytearray(data)
            flipped[place] ^= 1 << chooser.randrange(8)
            damaged.overwrite(name, bytes(flipped))
            _never_a_lie(damaged, expected, repository.master_key)
            try:
                opened = Repository.open_with_master(damaged, repository.master_key)
            except KyaniteError:
                assert name == "repository" or name.startswith("rings/")
                continue
            report = opened.verify(Level.FULL)
            found = " ".join(f"{d.name} {d.reason}" for d in report.damages)
            assert report.damages, f"{name} at {place} is not found"
            assert name in found or name.replace("sessions", "points") in found, (name, place)


@pytest.mark.parametrize("cut", [0, 1, 63, 64, 65, 0.5, -1])
def test_objects_cut_short_are_found(cut: float) -> None:
    storage, repository, expected = _repository()
    for info in list(storage.list("")):
        if info.name.startswith(("keys/", "rings/")) or info.name == "repository":
            continue
        data = storage.get(info.name)
        length = int(len(data) * cut) if isinstance(cut, float) else cut % len(data)
        damaged = storage.copy()
        damaged.overwrite(info.name, data[:length])
        _never_a_lie(damaged, expected, repository.master_key)
        opened = Repository.open_with_master(damaged, repository.master_key)
        assert opened.verify(Level.FULL).damages


def test_a_lost_pack_is_found_by_listing_alone_and_says_whom_it_hurts() -> None:
    storage, repository, expected = _repository()
    first, second = expected
    for info in list(storage.list(f"packs/{first}/")):
        damaged = storage.copy()
        damaged.delete(info.name)
        opened = Repository.open_with_master(damaged, repository.master_key)
        report = opened.verify(Level.PRESENT)
        assert info.name in {damage.name for damage in report.damages}
        hurt = {h.session_id for damage in report.damages for h in damage.hurts}
        assert first in hurt
        for session_id in hurt:
            assert not _never_a_lie(
                damaged, {session_id: expected[session_id]}, repository.master_key
            )
        for session_id in {first, second} - hurt:
            assert _never_a_lie(damaged, {session_id: expected[session_id]}, repository.master_key)


def test_a_damaged_chunk_names_every_point_and_place_it_hurts() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    shared = NOISE[: 4 * KIB]
    one = back_up_disk(repository, shared + bytes(4 * KIB) + shared, label="one").point
    two = back_up_disk(repository, bytes(64 * KIB) + shared, label="two").point
    (pack,) = storage.list(f"packs/{one.session_id}/")
    data = bytearray(storage.get(pack.name))
    data[64 + 100] ^= 1  # inside the first entry
    storage.overwrite(pack.name, bytes(data))
    report = repository.verify(Level.FULL)
    (damage,) = report.damages
    assert damage.name == pack.name
    places = {(h.session_id, h.offset, h.length) for h in damage.hurts}
    assert places == {
        (one.session_id, 0, 4 * KIB),
        (one.session_id, 8 * KIB, 4 * KIB),
        (two.session_id, 64 * KIB, 4 * KIB),
    }
    assert repository.verify(Level.PRESENT).damages == ()


def test_swapped_objects_are_found() -> None:
    storage, repository, expected = _repository()
    for prefix in ("packs/", "index/", "points/", "sessions/"):
        first, second, *_ = storage.list(prefix)
        damaged = storage.copy()
        damaged.overwrite(first.name, storage.get(second.name))
        damaged.overwrite(second.name, storage.get(first.name))
        _never_a_lie(damaged, expected, repository.master_key)
        opened = Repository.open_with_master(damaged, repository.master_key)
        assert opened.verify(Level.FULL).damages, prefix


def test_objects_of_another_repository_are_found() -> None:
    storage, repository, expected = _repository()
    other, _, _ = _repository()
    for prefix in ("packs/", "index/", "points/", "sessions/"):
        mine, theirs = next(storage.list(prefix)), next(other.list(prefix))
        damaged = storage.copy()
        damaged.overwrite(mine.name, other.get(theirs.name))
        _never_a_lie(damaged, expected, repository.master_key)
        opened = Repository.open_with_master(damaged, repository.master_key)
        assert opened.verify(Level.FULL).damages, prefix


def test_the_wrong_password_opens_nothing_and_says_so() -> None:
    storage, repository, _ = _repository()
    assert not repository.check_password("wrong")
    assert repository.check_password(PASSWORD)
    with pytest.raises(EngineError, match="password"):
        Repository.open(storage, "wrong")


def test_a_sample_reads_a_part_and_finds_a_pack_that_is_rubbish() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    back_up_disk(repository, random.Random(7).randbytes(900 * KIB), session_id=new_id())
    packs = list(storage.list("packs/"))
    report = repository.verify(Level.SAMPLE)
    assert 0 < report.bytes_read < sum(pack.size_bytes for pack in packs) / 4
    for pack in packs:
        storage.overwrite(pack.name, b"\0" * pack.size_bytes)
    assert repository.verify(Level.SAMPLE).damages


def test_a_point_that_comes_back_after_its_deletion_is_not_taken_for_good() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    point = back_up_disk(repository, NOISE, label="back").point
    before = storage.copy()
    repository.delete_points([point.session_id])
    repository.clean(whole=True)
    for prefix in ("sessions/", "points/", "traces/"):
        for info in before.list(prefix):
            storage.put(info.name, before.get(info.name))
    report = repository.verify(Level.PRESENT)
    assert {h.session_id for d in report.damages for h in d.hurts} == {point.session_id}
    assert not _never_a_lie(storage, {point.session_id: NOISE}, repository.master_key)


def test_rolling_reads_everything_within_the_days_and_remembers_when() -> None:
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    storage = MemoryStorage()
    made = tiny_repository(storage)
    point = back_up_disk(made, random.Random(7).randbytes(600 * KIB)).point
    repository = Repository.open_with_master(storage, made.master_key, clock)
    packs = list(storage.list("packs/"))
    read = 0
    for day in range(5):
        report = repository.verify(Level.ROLLING, days=5)
        assert report.damages == ()
        assert report.bytes_read < sum(one.size_bytes for one in packs) / 2
        repository.remember(report)
        read += report.bytes_read
        (state,) = report.states
        assert state.read_on is None or day >= 3
        again = repository.verify(Level.ROLLING, days=5)
        assert again.bytes_read == 0
        clock.advance(timedelta(days=1))
    assert state.read_on in (date(2026, 11, 1), date(2026, 11, 2))  # the oldest day counts
    assert state.session_id == point.session_id
    assert read >= sum(one.size_bytes for one in packs)
    for pack in packs[:1]:
        data = bytearray(storage.get(pack.name))
        data[100] ^= 1
        storage.overwrite(pack.name, bytes(data))
    found = []
    for _ in range(5):
        report = repository.verify(Level.ROLLING, days=5)
        found += [damage.name for damage in report.damages]
        repository.remember(report)
        clock.advance(timedelta(days=1))
    assert packs[0].name in found
    assert len(list(storage.list("verified/"))) == 1


def test_what_is_present_is_seen_by_listings_and_small_objects_alone() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    for seed in range(3):
        back_up_disk(repository, random.Random(seed).randbytes(200 * KIB), machine=str(seed))
    reads = _ReadNames(storage)
    opened = Repository.open_with_master(reads, repository.master_key)
    assert opened.verify(Level.PRESENT).damages == ()
    assert not [name for name in reads.names if name.startswith("packs/")]


class _ReadNames(StorageWrapper):
    """Remembers which objects were read."""

    def __init__(self, inner: Storage) -> None:
        super().__init__(inner)
        self.names: list[str] = []

    def get(self, name: str) -> bytes:
        self.names.append(name)
        return super().get(name)

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        self.names.append(name)
        return super().get_range(name, offset, length)
