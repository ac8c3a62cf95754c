"""Each kind of object, damaged in each way: found, named, never served, never made worse."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from kyanite.base.errors import KyaniteError, NotFound, WrongKey
from kyanite.base.identifiers import new_id
from kyanite.engine.format import is_session_id
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.repository import Repository
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import CHEAP, PASSWORD, back_up_disk, restored
from support.everything import KINDS, NOISE, REMOVED_PASSWORD, THRIFTY, Everything, kind_name

Change = dict[str, bytes | None]  # other bytes of objects, or none

# Of a slot, the password is needed to check the wrapped key, which is behind the note.
_CHECKED_OF_A_SLOT = 100
_MOST_OF_A_KIND = 3


@pytest.fixture(scope="module")
def everything() -> Everything:
    return Everything()


@pytest.fixture(scope="module")
def foreign() -> Everything:
    """Another repository."""
    return Everything()


def test_there_is_one_of_every_kind_and_one_that_is_gone(everything: Everything) -> None:
    storage = everything.storage
    assert {kind_name(name, storage.get(name)) for name in everything.names()} == {*KINDS}
    gone = {kind_name(name, data) for name, data in everything.gone.items()}
    assert gone == {*KINDS} - {"repository"}
    assert everything.report(storage) == ""
    assert everything.serves(storage) == everything.expected.keys()


def _flipped(everything: Everything, kind: str) -> Iterator[Change]:
    chooser = random.Random(kind)
    for name in everything.names(kind)[:_MOST_OF_A_KIND]:
        data = everything.storage.get(name)
        places = {8, 12, len(data) - 1, chooser.randrange(len(data))}
        for place in sorted(places):
            if kind == "keys" and place >= _CHECKED_OF_A_SLOT:
                continue
            flipped = bytearray(data)
            flipped[place] ^= 1 << chooser.randrange(8)
            yield {name: bytes(flipped)}


def _cut_short(everything: Everything, kind: str) -> Iterator[Change]:
    for name in everything.names(kind)[:_MOST_OF_A_KIND]:
        data = everything.storage.get(name)
        for length in (0, len(data) // 2, len(data) - 1):
            yield {name: data[:length]}


def _exchanged(everything: Everything, kind: str) -> Iterator[Change]:
    names = everything.names(kind)
    for first, second in pairwise(names):
        get = everything.storage.get
        yield {first: get(second), second: get(first)}


def _of_another_kind(everything: Everything, kind: str) -> Iterator[Change]:
    others = [other for other in KINDS if other != kind]
    if kind not in ("point", "void", "moves"):  # which share their names
        others = random.Random(kind).sample(others, 4)
    name = everything.names(kind)[0]
    for other in others:
        yield {name: everything.storage.get(everything.names(other)[0])}


def _named(report: str, name: str) -> bool:
    """A session that cannot be read is told of as its point, a ring by its folder."""
    if name.startswith("rings/"):
        name = name.rpartition("/")[0]
    return name in report or name.replace("sessions/", "points/") in report


def _damaged(everything: Everything, change: Change) -> MemoryStorage:
    storage = everything.storage.copy()
    for name, data in change.items():
        storage.delete(name)
        if data is not None:
            storage.overwrite(name, data)
    return storage


def _check(everything: Everything, change: Change) -> None:
    """Found and named; nothing wrong is served; what cleaning does then can be undone."""
    damaged = _damaged(everything, change)
    report = everything.report(damaged)
    for name in change:
        assert _named(report, name), (name, report)
    everything.serves(damaged)
    for whole in (True, False):
        try:
            everything.open(damaged).clean(whole=whole, rules=THRIFTY)
        except KyaniteError:
            continue  # it refuses, and says why
    for name in change:
        damaged.overwrite(name, everything.storage.get(name))
    assert everything.serves(damaged) == everything.expected.keys(), "cleaning lost something"
    assert everything.report(damaged, Level.PRESENT) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit(everything: Everything, kind: str) -> None:
    for change in _flipped(everything, kind):
        _check(everything, change)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_cut_short(everything: Everything, kind: str) -> None:
    for change in _cut_short(everything, kind):
        _check(everything, change)


@pytest.mark.parametrize("kind", ["session", "point", "void", "trace", "packs", "index"])
def test_two_objects_that_changed_places(everything: Everything, kind: str) -> None:
    changes = list(_exchanged(everything, kind))
    assert changes
    for change in changes:
        _check(everything, change)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_of_another_kind_in_its_place(everything: Everything, kind: str) -> None:
    for change in _of_another_kind(everything, kind):
        _check(everything, change)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_of_another_repository_in_its_place(
    everything: Everything, foreign: Everything, kind: str
) -> None:
    theirs = foreign.storage.get(foreign.names(kind)[0])
    for name in everything.names(kind)[:_MOST_OF_A_KIND]:
        _check(everything, {name: theirs})


# What must be missed when it is taken away, by listing alone; by what it is told.
MISSED = {"repository", "rings", "point", "moves", "packs", "index"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_was_taken_away(everything: Everything, kind: str) -> None:
    """What a point needs is missed. Hints and marks are not, and nothing is lost without them."""
    missed = False
    for name in everything.names(kind):
        damaged = _damaged(everything, {name: None})
        report = everything.report(damaged, Level.PRESENT)
        good = everything.serves(damaged)
        if good != everything.expected.keys():
            assert report, f"{name} is gone and nobody notices"
            assert kind != "packs" or name in report
        if name.split("/")[-1] in everything.expected and kind in ("session", "point"):
            assert _named(report, name)
        missed |= bool(report)
        if not report:
            _goes_on(everything, damaged)
    assert missed or kind not in MISSED


def _goes_on(everything: Everything, storage: MemoryStorage) -> None:
    """Backups, cleanings and restores go on as if nothing were wrong; nothing is lost."""
    repository = everything.open(storage)
    point = back_up_disk(repository, NOISE[::-1] + b"new", machine="new").point
    for whole in (False, True):
        repository.clean(whole=whole, rules=THRIFTY)
    assert everything.serves(storage) == everything.expected.keys()
    assert restored(repository, point) == NOISE[::-1] + b"new"
    assert everything.report(storage) == ""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "repository"])
def test_an_object_that_came_back_after_it_was_deleted(everything: Everything, kind: str) -> None:
    """It counts for nothing, or it is found and named. What is there stays there."""
    came_back = False
    for name, data in everything.gone.items():
        if kind_name(name, data) != kind:
            continue
        came_back = True
        damaged = _damaged(everything, {name: data})
        report = everything.report(damaged)
        assert everything.serves(damaged) == everything.expected.keys()
        known = {one.session_id for one in everything.open(damaged).points()}
        assert known == everything.expected.keys()
        if report:
            assert _named(report, name) or name.split("/")[-1] in report, (name, report)
        else:
            _goes_on(everything, damaged)
    assert came_back


def test_a_slot_that_came_back_opens_until_the_keys_are_rotated(everything: Everything) -> None:
    slots = [name for name in everything.gone if name.startswith("keys/")]
    storage = everything.storage.copy()
    for name in slots:
        storage.overwrite(name, everything.gone[name])
    repository = Repository.open(storage, REMOVED_PASSWORD)
    assert everything.serves(storage) == everything.expected.keys()
    repository.rotate_keys([NewPassword(PASSWORD)], cost=CHEAP)
    for name in slots:
        storage.overwrite(name, everything.gone[name])
    with pytest.raises(WrongKey):
        Repository.open(storage, REMOVED_PASSWORD)
    Repository.open(storage, PASSWORD)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("repository", "rings", "keys")])
def test_an_object_under_a_second_name(everything: Everything, kind: str) -> None:
    """It is found, or it counts for nothing."""
    for name in everything.names(kind):
        folder, _, last = name.rpartition("/")
        other = new_id() if is_session_id(last) else random.Random(4).randbytes(16).hex()
        if name.startswith("condemned/"):
            folder, other = f"condemned/{other}", last
        damaged = _damaged(everything, {f"{folder}/{other}": everything.storage.get(name)})
        report = everything.report(damaged)
        points = everything.open(damaged).points(lambda _, __: None)
        assert {one.session_id for one in points} == everything.expected.keys()
        good = everything.serves(damaged)
        if report:
            assert other in report, (name, report)
        else:
            assert good == everything.expected.keys()
            _goes_on(everything, damaged)


def test_what_was_rolled_back_as_a_whole_is_an_older_repository_and_no_lie() -> None:
    """Only somebody who remembers what there was can tell."""
    everything = Everything()
    before = everything.storage.copy()
    point = back_up_disk(everything.repository, NOISE, machine="later").point
    remembered = {one.session_id for one in everything.repository.points()}
    everything.storage = before  # type: ignore[assignment]
    assert everything.report(before) == ""
    assert everything.serves(before) == everything.expected.keys()
    now = {one.session_id for one in everything.open(before).points()}
    assert remembered - now == {point.session_id}
    with pytest.raises(NotFound):
        everything.open(before).read_point(point.session_id)
