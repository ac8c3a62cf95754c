"""Making and opening a repository (docs/format/order.md, "Opening").

Slots and rings are read as anybody may have put them: what does not authenticate is passed
over, so that garbage beside the true ones keeps nobody out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from kyanite.base.errors import (
    Conflict,
    Damaged,
    EngineError,
    Invalid,
    KyaniteError,
    ObjectExists,
    ObjectMissing,
    UnknownFormat,
    WrongKey,
)
from kyanite.base.units import MIB
from kyanite.engine.format import (
    KEY_BYTES,
    KEYS_PREFIX,
    REPOSITORY_ID_BYTES,
    REPOSITORY_NAME,
    ring_name,
    slot_name,
)
from kyanite.engine.key_ring import (
    StoredRing,
    encode_ring,
    is_of,
    list_rings,
    open_ring,
    read_rings,
    ring_id_of,
)
from kyanite.engine.key_slots import (
    MAX_SLOT_BYTES,
    MAX_SLOTS,
    KeyVault,
    RingName,
    Slot,
    SlotKind,
    SlotNote,
    make_password_slot,
    make_vault_slot,
    open_slot,
    open_vault_slot,
    parse_slot,
)
from kyanite.engine.keys import MaintenanceKeys, RepositoryKeys
from kyanite.engine.password_stretching import Cost
from kyanite.engine.randomness import draw
from kyanite.engine.settings import (
    MAX_REPOSITORY_BYTES,
    RepositorySettings,
    decode_repository,
    encode_repository,
    repository_id_of,
)
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map, together

# KiB of memory times passes that all slots together may ask for: some ten seconds, and as many
# slots as a repository may have, as this program makes them.
_MOST_WORK_KIB: Final = 8 * MIB


@dataclass(frozen=True, slots=True)
class Opened:
    """What an opened repository is made of."""

    keys: RepositoryKeys
    settings: RepositorySettings


@dataclass(frozen=True, slots=True)
class _Found:
    """What a storage shows to anybody: nothing of it is authenticated."""

    head: bytes = field(repr=False)
    repository_id: bytes
    slots: Sequence[Slot]
    rings: Sequence[StoredRing]


def create(
    storage: Storage,
    opener: str | KeyVault,
    settings: RepositorySettings,
    note: SlotNote,
    cost: Cost | None = None,
) -> Opened:
    """A new repository with one slot, for a password or a vault.

    Raises ``Conflict`` if there is one, and what the vault raises.
    """
    from kyanite.engine.catalog import exists  # opening does not need what that imports

    if exists(storage, REPOSITORY_NAME):
        raise Conflict("There is a repository already; choose another folder.")
    keys = RepositoryKeys.draw(draw(REPOSITORY_ID_BYTES))
    named = name_of_ring(keys)
    if isinstance(opener, str):
        slot_id, slot = make_password_slot(opener, keys.master_key, named, note, cost)
    else:
        slot_id, slot = make_vault_slot(opener, keys.master_key, named, note)
    ring = ring_name(keys.repository_id, keys.epoch)
    storage.put(slot_name(slot_id), slot)
    storage.put(ring, encode_ring(keys))
    head = encode_repository(
        settings, note.created_at.isoformat(), keys.repository_id, keys.maintenance_key
    )
    try:
        storage.put(REPOSITORY_NAME, head)  # the moment the repository exists
    except ObjectExists:
        storage.delete(slot_name(slot_id))
        storage.delete(ring)
        raise Conflict("There is a repository already; choose another folder.") from None
    return Opened(keys, settings)


def open_with_secret(storage: Storage, secret: str) -> Opened:
    """Open with a password or a printed recovery key.

    Raises ``WrongKey``, ``UnknownFormat``, ``Damaged``, ``Invalid`` for a mistyped key.
    """
    return _open_by_slot(
        storage,
        lambda slot: open_slot(slot, secret),
        "The password does not open this repository.",
    )


def open_with_vault(storage: Storage, vault: KeyVault) -> Opened:
    """Open with a key vault. Raises as ``open_with_secret`` does."""
    return _open_by_slot(
        storage,
        lambda slot: open_vault_slot(slot, vault),
        "No key slot of this repository opens with this key vault.",
    )


def open_with_master(storage: Storage, master_key: bytes) -> Opened:
    """Open with the master key itself. Raises ``WrongKey``, ``UnknownFormat``, ``Damaged``."""
    head, names = together(lambda: _read_head(storage), lambda: list_rings(storage))
    repository_id = repository_id_of(head)
    if len(master_key) != KEY_BYTES:
        raise WrongKey("A master key has 32 bytes.")
    rings = read_rings(storage, names, repository_id)
    if not rings:
        raise _no_ring(repository_id)
    for ring in rings:
        if ring.ring_id == ring_id_of(master_key, repository_id, ring.epoch):
            keys = open_ring(ring, master_key, repository_id)
            if is_retired(keys, rings):
                raise _retired("key")
            return Opened(keys, decode_repository(head, keys.maintenance_key))
    raise WrongKey(
        "The key does not open this repository. If its keys were rotated, open it with a password."
    )


def open_for_maintenance(storage: Storage, keys: MaintenanceKeys) -> RepositorySettings:
    """The settings, if the maintenance key is of this repository. Raises ``WrongKey``."""
    head = _read_head(storage)
    if repository_id_of(head) != keys.repository_id:
        raise WrongKey("The maintenance key is of another repository.")
    return decode_repository(head, keys.maintenance_key)


def read_slots(storage: Storage) -> dict[str, bytes]:
    """The bytes of everything that may be a slot, by name."""
    names = [info.name for info in islice(storage.list(KEYS_PREFIX), MAX_SLOTS + 1)]
    if len(names) > MAX_SLOTS:
        raise Damaged(
            f"There are more than {MAX_SLOTS} key slots; this program writes no more than a few."
        )

    def read(name: str) -> bytes:
        try:
            return storage.get_range(name, 0, MAX_SLOT_BYTES + 1)
        except ObjectMissing:
            return b""  # removed since the listing

    return dict(zip(names, parallel_map(read, names), strict=True))


def name_of_ring(keys: RepositoryKeys) -> RingName:
    """How slots call the ring of these keys."""
    ring_id = ring_id_of(keys.master_key, keys.repository_id, keys.epoch)
    return RingName(keys.repository_id, keys.epoch, ring_id)


def is_retired(keys: RepositoryKeys, rings: Sequence[StoredRing]) -> bool:
    """Whether a later ring was put by somebody who held these keys."""
    return any(ring.epoch > keys.epoch and is_of(keys, ring) for ring in rings)


def _open_by_slot(
    storage: Storage, attempt: Callable[[Slot], bytes | None], refusal: str
) -> Opened:
    found = _look(storage)
    try:
        keys = _unlock(found, attempt, refusal)
    except WrongKey:
        again = _look(storage)  # keys may have been rotated between two of our reads
        if [ring.name for ring in again.rings] == [ring.name for ring in found.rings]:
            raise
        keys = _unlock(again, attempt, refusal)
    return Opened(keys, decode_repository(found.head, keys.maintenance_key))


def _look(storage: Storage) -> _Found:
    head, slots, names = together(
        lambda: _read_head(storage), lambda: read_slots(storage), lambda: list_rings(storage)
    )
    repository_id = repository_id_of(head)
    parsed = (parse_slot(slot, repository_id) for slot in slots.values())
    rings = read_rings(storage, names, repository_id)
    return _Found(head, repository_id, [slot for slot in parsed if slot is not None], rings)


def _unlock(found: _Found, attempt: Callable[[Slot], bytes | None], refusal: str) -> RepositoryKeys:
    """All keys, by the first slot that opens and is not retired; newest ring first."""
    rings = {(ring.epoch, ring.ring_id): ring for ring in found.rings}
    reason: KyaniteError | None = None
    ringless = bool(found.slots)
    work = 0
    for slot in sorted(found.slots, key=_turn):
        ring = rings.get((slot.epoch, slot.ring_id))
        if ring is None:
            continue  # of a rotation that never happened, or that is over
        ringless = False
        if slot.kind == SlotKind.PASSWORD:
            work += slot.cost.memory_kib * slot.cost.passes
        if work > _MOST_WORK_KIB:
            reason = reason or Damaged(
                "The key slots ask for unreasonable work; this program did not write all of them."
            )
            break
        try:
            master_key = attempt(slot)
            if master_key is None:
                continue
            keys = open_ring(ring, master_key, found.repository_id)
        except (EngineError, Invalid) as error:
            reason = reason or error  # another slot may open; else this is what is wrong
            continue
        if not is_retired(keys, found.rings):
            return keys
        reason = reason or _retired("password")
    if ringless:
        raise _no_ring(found.repository_id)
    raise reason or WrongKey(refusal)


def _turn(slot: Slot) -> tuple[int, int]:
    """Newest ring first, then what costs least."""
    return -slot.epoch, slot.cost.memory_kib * slot.cost.passes


def _read_head(storage: Storage) -> bytes:
    try:
        # One byte more than it may have is read, and no gigabyte that somebody put there.
        return storage.get_range(REPOSITORY_NAME, 0, MAX_REPOSITORY_BYTES + 1)
    except ObjectMissing:
        raise UnknownFormat(
            "There is no Kyanite repository at this address; check it, or make one with init."
        ) from None


def _no_ring(repository_id: bytes) -> Damaged:
    ring = ring_name(repository_id, 1).rpartition("/")[0]
    return Damaged(
        f"The ring of keys is missing or damaged, so nothing can be opened; bring back {ring}/ "
        f"(or {REPOSITORY_NAME}, if that is of another repository) from a copy or, where "
        "versions are kept, with --as-of."
    )


def _retired(what: str) -> WrongKey:
    return WrongKey(
        f"The keys of this repository were rotated and this {what} was not taken over; "
        "open it with a password that was given then."
    )
