"""Looks at the small objects that no restore needs: sessions, notes, lists, ledgers, keys."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final

from kyanite.base.errors import EngineError, Invalid, ObjectMissing
from kyanite.engine.condemned import packs_name
from kyanite.engine.format import (
    CONDEMNED_PREFIX,
    DAMAGE_PREFIX,
    EXPIRED_PREFIX,
    KEY_BYTES,
    KEYS_PREFIX,
    LEDGER_PREFIX,
    RINGS_PREFIX,
    SESSIONS_PREFIX,
    TAG_BYTES,
    VERIFIED_PREFIX,
    Kind,
)
from kyanite.engine.key_ring import open_ring, read_rings
from kyanite.engine.key_slots import MAX_SLOT_BYTES, SlotKind, parse_slot, read_note
from kyanite.engine.keys import MaintenanceKeys, RepositoryKeys
from kyanite.engine.listing import listed
from kyanite.engine.sealed_object import fetch, unseal
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map
from kyanite.engine.verify_report import Damage

_KINDS: Final = {
    SESSIONS_PREFIX: Kind.SESSION,
    EXPIRED_PREFIX: Kind.EXPIRED,
    LEDGER_PREFIX: Kind.LEDGER,
    DAMAGE_PREFIX: Kind.DAMAGE,
    VERIFIED_PREFIX: Kind.VERIFIED,
}


def check_small_objects(
    storage: Storage, keys: RepositoryKeys | MaintenanceKeys, known: Container[str]
) -> Iterator[Damage]:
    """What is wrong with them; ``known`` names have been looked at already."""

    def check(name: str) -> Damage | None:
        kind = next((kind for prefix, kind in _KINDS.items() if name.startswith(prefix)), None)
        if kind is None:
            list_id = name.removeprefix(CONDEMNED_PREFIX).partition("/")[0]
            kind = Kind.CONDEMNED if name == packs_name(list_id) else Kind.WAITS
        try:
            unseal(kind, name, fetch(storage, name), keys.maintenance_key, keys.repository_id)
        except ObjectMissing:
            return None  # removed meanwhile
        except EngineError as error:
            return Damage(name, str(error))
        return None

    names = [
        info.name
        for prefix in (*_KINDS, CONDEMNED_PREFIX)
        for info in listed(storage, prefix)
        if info.name not in known
    ]
    yield from (damage for damage in parallel_map(check, names) if damage is not None)
    if isinstance(keys, RepositoryKeys):
        yield from _check_slots(storage, keys)
        yield from _check_rings(storage, keys)


def _check_slots(storage: Storage, keys: RepositoryKeys) -> Iterator[Damage]:
    """The password is needed to check all of a slot; its head and note can be checked here.

    A slot of an older epoch, or of the next one before its ring is there, is what a change
    of keys has left that was interrupted: it opens nothing, and opening passes over it.
    """
    for info in listed(storage, KEYS_PREFIX):
        try:
            data = storage.get_range(info.name, 0, MAX_SLOT_BYTES + 1)
            slot = parse_slot(data, keys.repository_id)
            if slot is None or slot.slot_id.hex() != info.name.removeprefix(KEYS_PREFIX):
                yield Damage(info.name, "It is no key slot of this repository.")
            elif slot.kind != SlotKind.VAULT and len(slot.wrapped) != KEY_BYTES + TAG_BYTES:
                yield Damage(info.name, "Its wrapped key is cut short or too long.")
            elif slot.epoch == keys.epoch or slot.epoch > keys.epoch + 1:
                read_note(slot, keys.master_key)
        except ObjectMissing:
            continue
        except (EngineError, Invalid) as error:
            yield Damage(info.name, str(error))


def _check_rings(storage: Storage, keys: RepositoryKeys) -> Iterator[Damage]:
    prefix = f"{RINGS_PREFIX}{keys.repository_id.hex()}/"
    names = [info.name for info in listed(storage, prefix)]
    rings = {ring.name: ring for ring in read_rings(storage, names, keys.repository_id)}
    for name in names:
        ring = rings.get(name)
        try:
            if ring is None:
                yield Damage(name, "It is no key ring of this repository.")
            elif ring.epoch == keys.epoch:
                open_ring(ring, keys.master_key, keys.repository_id)
        except EngineError as error:
            yield Damage(name, str(error))
