"""Notes of damage: packs that nobody may share from any more, and the holes of points.

Verifying, excising and repairing write them; writers respect them like condemned packs, and
what a parent point has in such a pack is read from the source again, so that the next backup
stores it anew (docs/format/order.md, "Repair").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.base.json_types import JsonValue, as_int, as_list, as_object
from kyanite.engine.catalog import list_sessions
from kyanite.engine.format import DAMAGE_PREFIX, Kind, ensure
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.listing import listed
from kyanite.engine.pack_listing import packs_of_sessions
from kyanite.engine.pack_set import PackSet
from kyanite.engine.randomness import draw
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.sealed_object import fetch, seal, unseal
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map

Holes = Mapping[str, Mapping[str, RangeList]]
"""By session of the point and id of the disk: what cannot be restored."""


_MOST_PACKS: Final = 1 << 20  # of 32 MiB: 32 TiB


@dataclass(frozen=True, slots=True)
class DamageNote:
    """What is known to be wrong.

    damaged  packs that are missing, or of which not everything is what it should be
    excised  packs of sessions that are not trusted: their chunks count as missing
    holes    of points
    """

    damaged: PackSet = field(default_factory=PackSet)
    excised: PackSet = field(default_factory=PackSet)
    holes: Holes = field(default_factory=dict)

    @property
    def unusable(self) -> PackSet:
        """Packs that nobody may share from."""
        return PackSet((*self.damaged, *self.excised))

    def __bool__(self) -> bool:
        return bool(len(self.damaged) or len(self.excised) or self.holes)


def read_notes(
    storage: Storage,
    maintenance_key: bytes,
    repository_id: bytes,
    skip_damaged: bool = False,
) -> tuple[DamageNote, list[str]]:
    """All notes as one, and the names of their objects. Raises ``Damaged``, or skips it."""

    def read(name: str) -> DamageNote | None:
        try:
            data = fetch(storage, name)
            return _decode(name, unseal(Kind.DAMAGE, name, data, maintenance_key, repository_id))
        except ObjectMissing:
            return None  # replaced meanwhile: the other one is listed or says more
        except EngineError:
            if not skip_damaged:
                raise
            return None

    names = [info.name for info in listed(storage, DAMAGE_PREFIX)]
    return joined(note for note in parallel_map(read, names) if note is not None), names


def put_note(
    storage: Storage, note: DamageNote, maintenance_key: bytes, repository_id: bytes
) -> str:
    """A further note; returns its name."""
    name = f"{DAMAGE_PREFIX}{draw(16).hex()}"
    body = to_json_bytes(
        {
            "damaged": note.damaged.to_json(),
            "excised": note.excised.to_json(),
            "holes": {
                session_id: {
                    disk_id: [[one.offset, one.length] for one in ranges]
                    for disk_id, ranges in disks.items()
                }
                for session_id, disks in note.holes.items()
            },
        }
    )
    storage.put(name, seal(Kind.DAMAGE, name, body, maintenance_key, repository_id))
    return name


def replace_notes(
    storage: Storage,
    note: DamageNote,
    names: Iterable[str],
    maintenance_key: bytes,
    repository_id: bytes,
) -> None:
    """Put ``note`` (unless it says nothing), then remove those it was made from."""
    if note:
        put_note(storage, note, maintenance_key, repository_id)
    parallel_map(storage.delete, names)


def forget_gone(storage: Storage, maintenance_key: bytes, repository_id: bytes) -> None:
    """Take back what speaks of points and packs that are not there any more.

    Packs that are gone stay noted as long as any point has holes.
    """
    keys = (maintenance_key, repository_id)
    note, names = read_notes(storage, *keys, skip_damaged=True)
    if not names:
        return
    sessions = list_sessions(storage)
    holes = {one: disks for one, disks in note.holes.items() if one in sessions}
    there = PackSet(pack.number for pack in packs_of_sessions(storage, note.unusable.sessions()))
    after = DamageNote(
        PackSet(one for one in note.damaged if holes or one in there),
        PackSet(one for one in note.excised if holes or one in there),
        holes,
    )
    if after != note:
        replace_notes(storage, after, names, *keys)


def joined(notes: Iterable[DamageNote]) -> DamageNote:
    """What any of the notes says."""
    damaged, excised = PackSet(), PackSet()
    holes: dict[str, dict[str, RangeList]] = {}
    for note in notes:
        damaged.update(note.damaged)
        excised.update(note.excised)
        for session_id, disks in note.holes.items():
            mine = holes.setdefault(session_id, {})
            for disk_id, ranges in disks.items():
                mine[disk_id] = mine.get(disk_id, RangeList.empty()).union(ranges)
    return DamageNote(damaged, excised, holes)


def _decode(name: str, data: bytes) -> DamageNote:
    body = from_json_bytes(name, data)
    holes: dict[str, dict[str, RangeList]] = {}
    for session_id, disks in as_object(body.get("holes")).items():
        holes[session_id] = {
            disk_id: RangeList(_range(name, one) for one in as_list(ranges))
            for disk_id, ranges in as_object(disks).items()
        }
    damaged = PackSet.from_json(as_object(body.get("damaged")))
    excised = PackSet.from_json(as_object(body.get("excised")))
    ensure(
        len(damaged) + len(excised) <= _MOST_PACKS, f"{name} names impossibly many damaged packs."
    )
    return DamageNote(damaged, excised, holes)


def _range(name: str, value: JsonValue) -> ByteRange:
    pair = [as_int(one) for one in as_list(value)]
    ensure(len(pair) == 2 and pair[0] >= 0 and pair[1] > 0, f"{name} has a range that is none.")
    return ByteRange(pair[0], pair[1])
