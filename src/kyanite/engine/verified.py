"""Remembers when each pack was last read whole and found right: ``verified/<id>``.

A memory of verifying alone: whatever it says, nothing is believed because of it but when to
look again. Several are read as one; the latest day counts. One that cannot be read is left
out, and replaced by the next run (docs/format/objects.md, "Verified").
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.base.json_types import as_object
from kyanite.engine.format import VERIFIED_PREFIX, Kind
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.listing import listed
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.randomness import draw
from kyanite.engine.sealed_object import fetch, seal, unseal
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map


def read_verified(
    storage: Storage, maintenance_key: bytes, repository_id: bytes
) -> tuple[dict[PackNumber, date], list[str]]:
    """When each pack was read, and the names of the objects that say so."""

    def read(name: str) -> dict[PackNumber, date]:
        try:
            data = unseal(Kind.VERIFIED, name, fetch(storage, name), maintenance_key, repository_id)
            days = as_object(from_json_bytes(name, data).get("days"))
            return {
                number: date.fromisoformat(day)
                for day, packs in days.items()
                for number in PackSet.from_json(as_object(packs))
            }
        except (EngineError, ObjectMissing, ValueError):
            return {}

    names = [info.name for info in listed(storage, VERIFIED_PREFIX)]
    read_on: dict[PackNumber, date] = {}
    for some in parallel_map(read, names):
        for number, day in some.items():
            read_on[number] = max(day, read_on.get(number, day))
    return read_on, names


def put_verified(
    storage: Storage,
    read_on: Mapping[PackNumber, date],
    replaced: Collection[str],
    maintenance_key: bytes,
    repository_id: bytes,
) -> None:
    """Put one object for all, then remove those it was made from."""
    days: dict[str, PackSet] = {}
    for number, day in read_on.items():
        days.setdefault(day.isoformat(), PackSet()).add(number)
    name = f"{VERIFIED_PREFIX}{draw(16).hex()}"
    body = to_json_bytes({"days": {day: packs.to_json() for day, packs in sorted(days.items())}})
    if days:
        storage.put(name, seal(Kind.VERIFIED, name, body, maintenance_key, repository_id))
    parallel_map(storage.delete, replaced)
