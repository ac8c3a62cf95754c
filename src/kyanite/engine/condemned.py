"""Condemned lists: packs that cleaning means to delete (docs/format/order.md, "Cleaning")."""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.base.errors import Invalid, ObjectExists, ObjectMissing
from kyanite.base.json_types import as_object, as_texts
from kyanite.engine.format import CONDEMNED_PREFIX, PACK_ID_BYTES, PACKS_PREFIX, Kind, id_of
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.listing import listed
from kyanite.engine.pack import PackRef
from kyanite.engine.pack_set import PackSet
from kyanite.engine.sealed_object import fetch, seal, unseal
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map


@dataclass(frozen=True, slots=True)
class CondemnedList:
    """``waits_for``: sessions that were open when the list was put; ``None``: not yet known."""

    list_id: str
    packs: PackSet
    waits_for: frozenset[str] | None


def packs_name(list_id: str) -> str:
    return f"{CONDEMNED_PREFIX}{list_id}/packs"


def waits_name(list_id: str) -> str:
    return f"{CONDEMNED_PREFIX}{list_id}/waits"


def pack_of_name(name: str) -> PackRef | None:
    """The pack of an object name; ``None`` if it is none."""
    parts = name.removeprefix(PACKS_PREFIX).split("/")
    if not name.startswith(PACKS_PREFIX) or len(parts) != 2:
        return None
    try:
        session_id, pack_id = id_of(parts[0]), bytes.fromhex(parts[1])
    except (ValueError, Invalid):
        return None
    return PackRef(session_id, pack_id) if len(pack_id) == PACK_ID_BYTES else None


def put_list(
    storage: Storage,
    list_id: str,
    packs: PackSet,
    condemned_at: str,
    maintenance_key: bytes,
    repository_id: bytes,
) -> None:
    """Condemn packs."""
    name = packs_name(list_id)
    body = to_json_bytes({"condemned_at": condemned_at, "packs": packs.to_json()})
    storage.put(name, seal(Kind.CONDEMNED, name, body, maintenance_key, repository_id))


def settle_waits(
    storage: Storage,
    list_id: str,
    sessions: frozenset[str],
    maintenance_key: bytes,
    repository_id: bytes,
) -> frozenset[str] | None:
    """Keep which sessions the list waits for; returns what is kept.

    Another cleaner may have been first; what it has kept serves as well, since it too
    listed the sessions after the list was put. ``None``: the list is gone already.
    """
    name = waits_name(list_id)
    body = to_json_bytes({"sessions": sorted(sessions)})
    try:
        storage.put(name, seal(Kind.WAITS, name, body, maintenance_key, repository_id))
    except ObjectExists:
        try:
            return _read_waits(storage, list_id, maintenance_key, repository_id)
        except ObjectMissing:
            return None
    return sessions


def _read_waits(
    storage: Storage, list_id: str, maintenance_key: bytes, repository_id: bytes
) -> frozenset[str]:
    name = waits_name(list_id)
    body = from_json_bytes(
        name, unseal(Kind.WAITS, name, fetch(storage, name), maintenance_key, repository_id)
    )
    return frozenset(as_texts(body.get("sessions")))


def read_lists(
    storage: Storage, maintenance_key: bytes, repository_id: bytes
) -> list[CondemnedList]:
    """All condemned lists. One that is removed meanwhile is left out: its packs are gone."""
    names = {info.name for info in listed(storage, CONDEMNED_PREFIX)}
    ids = sorted({name.removeprefix(CONDEMNED_PREFIX).split("/")[0] for name in names})

    def read(list_id: str) -> CondemnedList | None:
        name, waits = packs_name(list_id), waits_name(list_id)
        try:
            data = fetch(storage, name)
        except ObjectMissing:
            return None
        body = from_json_bytes(
            name, unseal(Kind.CONDEMNED, name, data, maintenance_key, repository_id)
        )
        packs = PackSet.from_json(as_object(body.get("packs")))
        sessions: frozenset[str] | None = None
        if waits in names:
            try:
                sessions = _read_waits(storage, list_id, maintenance_key, repository_id)
            except ObjectMissing:
                return None
        return CondemnedList(list_id, packs, sessions)

    return [one for one in parallel_map(read, ids) if one is not None]


def condemned_packs(storage: Storage, maintenance_key: bytes, repository_id: bytes) -> PackSet:
    """All packs on any list."""
    packs = PackSet()
    for one in read_lists(storage, maintenance_key, repository_id):
        packs.update(one.packs)
    return packs


def remove_list(storage: Storage, list_id: str) -> None:
    """The list itself goes last: what is left beside it means nothing without it."""
    storage.delete(waits_name(list_id))
    storage.delete(packs_name(list_id))
