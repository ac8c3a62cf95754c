"""A repository whose objects an attacker replaces, and everything that may be asked of it then.

Whatever stands in the storage, a reader answers or raises one of our errors: within bounds of
memory and time, and never with wrong bytes. ``sealed`` objects are those of an attacker who
holds the maintenance key.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.peak_memory import forget_peak, peak_bytes
from kyanite.base.errors import KyaniteError
from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB, MIB
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.excision import excise
from kyanite.engine.format import Kind, id_of
from kyanite.engine.keys import derive
from kyanite.engine.lock_needs import lock_needs
from kyanite.engine.point import Point
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.read_keys import ReadKeys
from kyanite.engine.repack_rule import Price
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk
from kyanite.engine.sealed_object import kind_of, seal, unseal
from kyanite.engine.storage.base import Data
from kyanite.engine.storage.memory import MemoryStorage
from kyanite.engine.verify import Level
from support.engine import ONE_THREAD, PASSWORD, back_up_disk, disk_contents, tiny_repository

SIZE = 128 * KIB
EAGER = Price(gib_month=1000.0, most_live=0.9)
THRIFTY = CleaningRules(ledger_from_points=1, small_packs=0)
MOST_MEMORY_BYTES = 640 * MIB
MOST_SECONDS = 60.0
_SALT = bytes(range(16))
_SLACK_BYTES = 32 * MIB  # what the allocator keeps


@dataclass(frozen=True)
class Scene:
    """A healthy repository with an object of every kind, to be copied and spoilt."""

    objects: dict[str, bytes]
    repository_id: bytes
    maintenance_key: bytes
    master_key: bytes
    contents: dict[str, bytes]
    names: dict[str, list[str]] = field(default_factory=dict)

    def storage(self, replaced: Mapping[str, bytes]) -> MemoryStorage:
        """A copy of the repository, with other bytes under some names."""
        storage = MemoryStorage()
        for name, data in {**self.objects, **replaced}.items():
            storage.overwrite(name, data)
        return storage

    def seal(self, kind: Kind, name: str, body: bytes) -> bytes:
        """What somebody with the maintenance key can put."""
        return seal(kind, name, body, self.maintenance_key, self.repository_id)


@cache
def scene() -> Scene:
    """One healthy repository: points, a trace, a note, moves, a void, a ledger, a list."""
    chooser = random.Random(8)
    storage = MemoryStorage()
    repository = tiny_repository(storage)
    contents = disk_contents(chooser, SIZE)
    expected: dict[str, bytes] = {}
    first = parent = back_up_disk(repository, contents).point.session_id
    for _ in range(2):
        at = 4 * KIB * chooser.randrange(24)
        contents[at : at + 8 * KIB] = chooser.randbytes(8 * KIB)
        changes = RangeList([ByteRange(at, 8 * KIB)])
        made = back_up_disk(repository, contents, parent=parent, changes=changes)
        parent = made.point.session_id
        expected[parent] = bytes(contents)
    repository.delete_points([first])
    repository.clean(rules=THRIFTY)
    voided, waiting = new_id(), new_id()
    for session_id in (voided, waiting):
        repository.open_session(session_id, "another", "never")
    repository.abandon_session(voided)
    gone = back_up_disk(repository, disk_contents(chooser, 64 * KIB), machine="gone").point
    repository.delete_points([gone.session_id])
    late = back_up_disk(repository, disk_contents(chooser, 64 * KIB), machine="late").point
    repository.clean(rules=THRIFTY)
    repository.delete_points([late.session_id])
    repository.repack(EAGER)
    repository.remember(repository.verify(Level.FULL))
    distrusted = back_up_disk(repository, disk_contents(chooser, 64 * KIB), machine="stolen").point
    excise(repository, distrusted.session_id)
    objects = {info.name: storage.get(info.name) for info in storage.list("")}
    keys = repository.read_keys
    return Scene(
        objects,
        keys.repository_id,
        keys.maintenance_key,
        keys.master_key,
        expected,
        _sorted(objects),
    )


def _sorted(objects: dict[str, bytes]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name in sorted(objects):
        names.setdefault(name.partition("/")[0], []).append(name)
    return names


class _Sink:
    """Takes what is restored, and compares it with what it should be."""

    def __init__(self, expected: bytes) -> None:
        self._expected = expected

    def write(self, offset: int, data: Data) -> None:
        assert bytes(data) == self._expected[offset : offset + len(data)], "served wrong bytes"


def try_everything(make: Callable[[], MemoryStorage], expected: dict[str, bytes]) -> list[str]:
    """Ask everything of copies of a spoilt repository; the errors, all of them ours.

    ``expected``: what the points held. A restore gives these bytes or an error.
    """
    errors: list[str] = []

    def attempt(work: Callable[[Repository], object], by_password: bool = False) -> None:
        storage = make()
        try:
            if by_password:
                work(Repository.open(storage, PASSWORD))
            else:  # much cheaper
                work(Repository.open_with_master(storage, scene().master_key))
        except KyaniteError as error:
            errors.append(f"{type(error).__name__}: {error}")

    def restore(repository: Repository) -> None:
        for session_id, contents in expected.items():
            point = repository.read_point(session_id)
            for disk in point.disks:
                keys: ReadKeys = repository.read_keys
                sink = _Sink(contents)
                restore_disk(
                    repository.storage, keys, point, disk.disk_id, sink, parallelism=ONE_THREAD
                )

    def restore_by_order(repository: Repository) -> None:
        for point in repository.points(skip_damaged=lambda _id, _error: None):
            repository.restore_keys(point)

    def lock(repository: Repository) -> None:
        points: list[Point] = repository.points()
        lock_needs(points, [], {})

    def change(repository: Repository) -> None:
        parent = next(reversed(expected))
        data = bytearray(expected[parent])
        data[:1000] = b"x" * 1000
        changes = RangeList([ByteRange(0, 1000)])
        back_up_disk(repository, data, parent=parent, changes=changes)

    def slots(repository: Repository) -> None:
        repository.key_slots()
        repository.change_password("another")

    def delete(repository: Repository) -> None:
        repository.delete_points(list(expected)[:1])
        repository.clean(whole=True)

    attempt(restore, by_password=True)
    attempt(restore_by_order)
    attempt(lock)
    attempt(change)
    attempt(slots, by_password=True)
    attempt(delete)
    attempt(lambda repository: repository.verify(Level.FULL))
    attempt(lambda repository: repository.clean(rules=THRIFTY))
    attempt(lambda repository: repository.repack(EAGER))
    attempt(lambda repository: repository.rebuild_index())
    attempt(repair)
    attempt(lambda repository: repository.differences(*list(expected)[:2]))
    return errors


class Attacker:
    """Makes objects that authenticate: with the maintenance key, and one stolen session root."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        storage = scene.storage({})
        self._keys = Repository.open(storage, PASSWORD).read_keys

    def body(self, name: str) -> bytes:
        """What is inside a sealed object."""
        keys, data = self._keys, self._scene.objects[name]
        kind = kind_of(name, data)
        return unseal(kind, name, data, keys.maintenance_key, keys.repository_id)

    def put(self, name: str, body: bytes) -> bytes:
        """The object ``name`` with another body, of the kind it was."""
        return self._scene.seal(kind_of(name, self._scene.objects[name]), name, body)

    def point(self, session_id: str, structure: bytes) -> bytes:
        """The body of a point with any structure, and a recipe that fits it."""
        keys = self._keys
        session = id_of(session_id)
        head = _SALT + b"\0" + (4).to_bytes(8, "little")
        bound = b"\1\0" + keys.repository_id + session + head + blake3(structure).digest()
        key = derive(keys.session_root(session, 0), "recipe", _SALT)
        sealed = AESGCM(key).encrypt((5).to_bytes(4, "little") + bytes(8), b"here", bound)
        text = structure.decode("utf-8", "surrogatepass")
        return json.dumps({"structure": text, "recipe": (head + sealed).hex()}).encode()


@contextmanager
def bounded(memory_bytes: int = MOST_MEMORY_BYTES, seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Fails if what happens inside takes more memory (of the process, at its peak) or time."""
    before = forget_peak()
    began = time.thread_time()
    yield
    taken = peak_bytes() - before
    assert taken <= memory_bytes + _SLACK_BYTES, f"{taken / MIB:.0f} MiB"
    assert time.thread_time() - began <= seconds
