"""Who may open a repository, and what a rotation of its keys changes."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from kyanite.base.errors import (
    Conflict,
    Damaged,
    Invalid,
    KyaniteError,
    NotFound,
    StorageDenied,
    WrongKey,
)
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from kyanite.engine.format import KEYS_PREFIX, RINGS_PREFIX
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.key_slots import SlotKind
from kyanite.engine.maintenance import Maintenance
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.storage.counting import CountingStorage
from kyanite.engine.storage.faulty import Moment
from kyanite.engine.storage.frozen import FrozenStorage
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import CHEAP, PASSWORD, back_up_disk, restored, tiny_repository

NOISE = random.Random(5).randbytes(200 * KIB)
NEW = NewPassword("new password", "night shift")


class Vault:
    """Wraps as a key vault does: with a key that stays here."""

    def __init__(self, secret: int) -> None:
        self._secret = bytes([secret]) * 32

    def wrap(self, key: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(key, self._secret, strict=True))

    def unwrap(self, wrapped: bytes) -> bytes:
        return self.wrap(wrapped)


def _names(storage: MemoryStorage, prefix: str) -> list[str]:
    return [info.name for info in storage.list(prefix)]


def test_several_passwords_open_and_each_has_a_label_and_a_date() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    before = datetime.now(UTC).replace(microsecond=0)
    slot_id = repository.add_password("second", CHEAP, "Máximo, on call")
    assert Repository.open(storage, "second").master_key == repository.master_key
    assert Repository.open(storage, PASSWORD).master_key == repository.master_key
    first, second = sorted(repository.key_slots(), key=lambda slot: slot.label)
    assert (first.label, first.kind) == ("", SlotKind.PASSWORD)
    assert (second.slot_id, second.label) == (slot_id, "Máximo, on call")
    assert before <= second.created_at <= datetime.now(UTC)


def test_no_label_can_be_read_in_the_storage() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    lengths = set()
    for label in ("", "somebody", "x" * 80):
        slot_id = repository.add_password("p", CHEAP, label)
        data = storage.get(f"{KEYS_PREFIX}{slot_id}")
        lengths.add(len(data))
        assert not label or label.encode() not in data
    assert len(lengths) == 1
    with pytest.raises(Invalid):
        repository.add_password("p", CHEAP, "x" * 88)


def test_a_removed_slot_opens_nothing_and_the_last_one_stays() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    second = repository.add_password("second", CHEAP)
    repository.remove_key_slot(second)
    with pytest.raises(WrongKey):
        Repository.open(storage, "second")
    (last,) = repository.key_slots()
    with pytest.raises(Conflict):
        repository.remove_key_slot(last.slot_id)
    with pytest.raises(NotFound):
        repository.remove_key_slot(second)
    assert repository.check_password(PASSWORD)


def test_two_removals_at_once_leave_a_slot() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    first = repository.key_slots()[0].slot_id
    second = repository.add_password("second", CHEAP)
    other = Repository.open(storage, PASSWORD)
    frozen = FrozenStorage(storage, 1, meanwhile=lambda: other.remove_key_slot(first))
    with pytest.raises(Conflict):
        Repository.open_with_master(frozen, repository.master_key).remove_key_slot(second)
    assert Repository.open(storage, "second").master_key == repository.master_key


def test_a_printed_recovery_key_opens_wherever_a_password_does() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    printed = repository.new_recovery_key("safe")
    assert Repository.open(storage, printed).master_key == repository.master_key
    as_typed = "  " + printed.lower().replace("0", "o").replace("1", "l") + "\n"
    assert Repository.open(storage, as_typed).master_key == repository.master_key
    again = repository.new_recovery_key()
    assert repository.check_password(again)
    assert not repository.check_password(printed)
    assert [slot.kind for slot in repository.key_slots()].count(SlotKind.RECOVERY) == 1


def test_a_mistyped_recovery_key_says_where() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    printed = repository.new_recovery_key()
    wrong = printed[:-1] + ("A" if printed[-1] != "A" else "B")
    with pytest.raises(Invalid, match="checksum"):
        Repository.open(storage, wrong)
    with pytest.raises(Invalid, match="letters"):
        Repository.open(storage, printed[:-1])
    with pytest.raises(Invalid, match=r"Group 2 .*'U'"):
        Repository.open(storage, printed[:9] + "U" + printed[10:])


def test_a_recovery_key_of_another_repository_is_refused() -> None:
    first, second = tiny_repository(MemoryStorage()), tiny_repository(MemoryStorage())
    first.new_recovery_key()
    with pytest.raises(WrongKey):
        Repository.open(first.storage, second.new_recovery_key())


def test_a_vault_opens_its_own_slot_only() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    repository.add_vault(Vault(1), "key vault")
    assert Repository.open_with_vault(storage, Vault(1)).master_key == repository.master_key
    with pytest.raises(WrongKey):
        Repository.open_with_vault(storage, Vault(2))
    assert Repository.open(storage, PASSWORD).master_key == repository.master_key


def test_a_repository_is_made_for_a_vault_and_no_password_opens_it() -> None:
    storage = MemoryStorage()
    made = Repository.create_with_vault(storage, Vault(1))
    assert [slot.kind for slot in made.key_slots()] == [SlotKind.VAULT]
    assert Repository.open_with_vault(storage, Vault(1)).fingerprint == made.fingerprint
    with pytest.raises(WrongKey):
        Repository.open(storage, "")
    with pytest.raises(Conflict):
        Repository.create_with_vault(storage, Vault(1))


@pytest.mark.parametrize("length", [0, 5, 33])
def test_a_vault_that_unwraps_something_else_than_a_key_opens_nothing(length: int) -> None:
    class Strange(Vault):
        def unwrap(self, wrapped: bytes) -> bytes:
            return super().unwrap(wrapped).ljust(33, b"x")[:length]

    storage = MemoryStorage()
    Repository.create_with_vault(storage, Vault(1))
    with pytest.raises(WrongKey):
        Repository.open_with_vault(storage, Strange(1))


def test_a_repository_is_handed_over_from_passwords_to_a_vault_and_back() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    repository.add_password("second", CHEAP)
    recovery = repository.new_recovery_key()
    for _ in range(2):  # as after an interruption
        repository.hand_over(Vault(1))
        kinds = sorted(slot.kind for slot in repository.key_slots())
        assert kinds == [SlotKind.RECOVERY, SlotKind.VAULT]
    assert Repository.open_with_vault(storage, Vault(1)).master_key == repository.master_key
    for _ in range(2):
        repository.hand_over("third", CHEAP)
        kinds = sorted(slot.kind for slot in repository.key_slots())
        assert kinds == [SlotKind.PASSWORD, SlotKind.RECOVERY]
    assert Repository.open(storage, "third").master_key == repository.master_key
    Repository.open(storage, recovery)
    with pytest.raises(WrongKey):
        Repository.open(storage, PASSWORD)


def test_the_fingerprint_outlives_rotations_and_differs_between_repositories() -> None:
    repository = tiny_repository(MemoryStorage())
    before, master = repository.fingerprint, repository.master_key
    repository.rotate_keys([NEW], vaults=[Vault(1)], cost=CHEAP)
    assert repository.master_key != master
    assert repository.fingerprint == before
    assert tiny_repository(MemoryStorage()).fingerprint != before


def test_changing_the_password_keeps_its_label_and_the_recovery_key() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    repository.add_password("second", CHEAP, "second shift")
    recovery = repository.new_recovery_key()
    repository.change_password("third", "second", CHEAP)
    assert not repository.check_password("second")
    assert {"", "second shift"} == {slot.label for slot in repository.key_slots()}
    repository.change_password("only", cost=CHEAP)
    assert [repository.check_password(p) for p in (PASSWORD, "third", "only", recovery)] == [
        False,
        False,
        True,
        True,
    ]


def test_after_a_rotation_old_and_new_points_open_with_new_passwords_only() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    contents = bytearray(NOISE)
    first = back_up_disk(repository, contents, recipe=b"first").point
    old_master = repository.master_key
    kept: list[bytes] = []
    recovery = repository.rotate_keys([NEW], recovery=True, prepared=kept.append, cost=CHEAP)
    assert recovery is not None
    assert kept == [repository.master_key] != [old_master]

    contents[: 40 * KIB] = random.Random(6).randbytes(40 * KIB)
    second = back_up_disk(
        repository,
        contents,
        parent=first.session_id,
        changes=RangeList([ByteRange(0, 40 * KIB)]),
        recipe=b"second",
    ).point
    assert (first.epoch, second.epoch) == (0, 1)
    for secret in (NEW.password, recovery):
        opened = Repository.open(storage, secret)
        points = opened.points()
        assert [point.recipe for point in points] == [b"first", b"second"]
        assert restored(opened, points[0]) == NOISE
        assert restored(opened, points[1]) == bytes(contents)
        assert opened.verify(Level.FULL).damages == ()
    with pytest.raises(WrongKey):
        Repository.open(storage, PASSWORD)
    with pytest.raises(WrongKey):
        Repository.open_with_master(storage, old_master)
    assert len(_names(storage, RINGS_PREFIX)) == 1
    assert len(_names(storage, KEYS_PREFIX)) == 2


def test_what_is_written_after_a_rotation_stays_closed_to_old_keys() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    back_up_disk(repository, NOISE)
    thief = Repository.open(storage.copy(), PASSWORD)  # has everything of before
    repository.rotate_keys([NEW], cost=CHEAP)
    point = back_up_disk(repository, b"secret of tomorrow" * 1000).point
    thief.storage = storage
    with pytest.raises(WrongKey):
        thief.read_point(point.session_id)
    with pytest.raises(WrongKey):
        thief.restore_keys(point)


def test_a_repository_that_was_open_during_a_rotation_is_told_to_open_again() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    late = Repository.open(storage, PASSWORD)
    repository.rotate_keys([NEW], cost=CHEAP)
    with pytest.raises(Conflict):
        late.rotate_keys([NewPassword("other")], cost=CHEAP)
    point = back_up_disk(repository, NOISE).point
    with pytest.raises(WrongKey, match="Open it again"):
        late.read_point(point.session_id)
    # What it still writes in the old epoch can be read with the new keys.
    written = back_up_disk(late, b"late" * 5000).point
    assert restored(repository, repository.read_point(written.session_id)) == b"late" * 5000


def test_of_two_rotations_at_once_one_wins() -> None:
    for at in range(1, 7):
        for moment in Moment:
            storage = MemoryStorage()
            repository = tiny_repository(storage)
            point = back_up_disk(repository, NOISE).point
            other = Repository.open(storage, PASSWORD)
            won: list[str] = []

            def rotate(who: Repository, password: str, won: list[str]) -> None:
                try:
                    who.rotate_keys([NewPassword(password)], cost=CHEAP)
                except (Conflict, WrongKey):
                    return
                won.append(password)

            def meanwhile(
                other: Repository = other, storage: MemoryStorage = storage, won: list[str] = won
            ) -> None:
                rotate(other, "other", won)
                if won:  # and once more: a number becomes free again
                    rotate(Repository.open(storage, "other"), "other again", won)

            frozen = FrozenStorage(storage, at, moment, meanwhile=meanwhile)
            slow = Repository.open_with_master(frozen, repository.master_key)
            rotate(slow, "slow", won)
            assert won
            opened = Repository.open(storage, won[-1])
            for password in {PASSWORD, "slow", "other", "other again"} - {won[-1]}:
                assert not opened.check_password(password)
            assert restored(opened, opened.read_point(point.session_id)) == NOISE
            opened.clean()
            assert len(_names(storage, RINGS_PREFIX)) == 1
            assert len(_names(storage, KEYS_PREFIX)) == 1


def test_a_session_resumes_over_a_rotation() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    session_id = new_id()

    def rotate() -> None:
        repository.rotate_keys([NEW], cost=CHEAP)

    frozen = FrozenStorage(storage, 3, meanwhile=rotate)
    before = Repository.open_with_master(frozen, repository.master_key)
    point = back_up_disk(before, NOISE, session_id=session_id).point
    assert point.epoch == 0
    again = back_up_disk(repository, NOISE, session_id=session_id)
    assert again.committed_before
    opened = Repository.open(storage, NEW.password)
    found = opened.read_point(session_id)
    assert (found.epoch, found.recipe) == (0, b"the recipe")
    assert restored(opened, found) == NOISE


def test_a_stolen_order_can_neither_retire_keys_nor_keep_anybody_out() -> None:
    """It can put objects under free names, and knows the maintenance key."""
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    (ring,) = _names(storage, RINGS_PREFIX)
    data = bytearray(storage.get(ring))
    (slot,) = _names(storage, KEYS_PREFIX)
    for number in (1, 2, 0xFFFFFFFE):
        forged = bytearray(data)
        forged[12:16] = number.to_bytes(4, "little")
        storage.put(f"{ring[:-8]}{number:08x}", bytes(forged))
    storage.put(f"{KEYS_PREFIX}{'ab' * 16}", storage.get(slot))
    storage.put(f"{KEYS_PREFIX}{'cd' * 16}", b"garbage")
    assert Repository.open(storage, PASSWORD).master_key == repository.master_key
    repository.clean()
    assert Repository.open_with_master(storage, repository.master_key).check_password(PASSWORD)


def test_a_damaged_slot_keeps_nobody_else_out_and_is_named_if_it_is_the_one() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    (first,) = _names(storage, KEYS_PREFIX)
    repository.add_password("second", CHEAP)
    data = bytearray(storage.get(first))
    data[-1] ^= 1
    storage.overwrite(first, bytes(data))
    assert Repository.open(storage, "second").master_key == repository.master_key
    with pytest.raises(Damaged, match="password is right"):
        Repository.open(storage, PASSWORD)


def test_every_byte_of_slot_and_ring_matters() -> None:
    storage = MemoryStorage()
    tiny_repository(storage)
    chooser = random.Random(8)
    for prefix in (KEYS_PREFIX, RINGS_PREFIX):
        (name,) = _names(storage, prefix)
        data = storage.get(name)
        for place in sorted({*range(0, 130, 7), *chooser.sample(range(len(data)), 20)}):
            changed = bytearray(data)
            changed[place] ^= 1 << chooser.randrange(8)
            damaged = storage.copy()
            damaged.overwrite(name, bytes(changed))
            try:
                Repository.open(damaged, PASSWORD).key_slots()
            except KyaniteError:
                continue
            raise AssertionError(f"byte {place} of {name} may be anything")


def test_the_maintenance_key_lists_cleans_and_rebuilds_but_opens_no_data() -> None:
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    first = back_up_disk(repository, NOISE, label="a").point
    second = back_up_disk(repository, NOISE + b"more", label="b").point
    printed = repository.export_maintenance_key()
    service = Maintenance.open_with_maintenance_key(storage, printed)
    assert [point.label for point in service.points()] == ["a", "b"]
    assert {point.recipe for point in service.points()} == {b""}
    assert service.verify(Level.PRESENT).damages == ()
    with pytest.raises(Invalid):
        service.verify(Level.FULL)
    service.delete_points([first.session_id])
    service.clean()
    for info in list(storage.list("index/")):
        storage.delete(info.name)
    service.rebuild_index()
    assert restored(repository, repository.read_point(second.session_id)) == NOISE + b"more"
    assert not isinstance(service, Repository)
    repository.rotate_keys([NEW], cost=CHEAP)
    assert Maintenance.open_with_maintenance_key(storage, printed).points() != []


def test_a_maintenance_key_is_of_one_repository_and_not_mistaken_for_another_key() -> None:
    first, second = tiny_repository(MemoryStorage()), tiny_repository(MemoryStorage())
    with pytest.raises(WrongKey):
        Maintenance.open_with_maintenance_key(first.storage, second.export_maintenance_key())
    with pytest.raises(Invalid):
        Maintenance.open_with_maintenance_key(first.storage, first.new_recovery_key())
    assert first.repository_id.hex() in repr(first)


def test_opening_takes_three_round_trips_in_a_row_at_most() -> None:
    storage = CountingStorage(MemoryStorage())
    tiny_repository(storage)
    storage.requests.clear()
    Repository.open(storage, PASSWORD)
    assert storage.requests == {"get_range": 3, "list": 2}


def test_a_rotation_needs_somebody_who_can_open_afterwards() -> None:
    repository = tiny_repository(MemoryStorage())
    with pytest.raises(Conflict):
        repository.rotate_keys([], cost=CHEAP)
    assert repository.check_password(PASSWORD)


def test_a_storage_that_says_no_changes_nothing() -> None:
    class Denying(MemoryStorage):
        def put(self, name: str, data: object) -> None:  # noqa: ARG002
            raise StorageDenied("No.")

    storage = MemoryStorage()
    repository = tiny_repository(storage)
    denying = Denying()
    denying._objects = storage._objects
    with pytest.raises(StorageDenied):
        Repository.open(denying, PASSWORD).rotate_keys([NEW], cost=CHEAP)
    assert repository.check_password(PASSWORD)
