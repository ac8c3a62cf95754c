"""Adding, changing and removing who may open a repository, and rotating its keys.

Data is never rewritten. A rotation is one put: that of the new ring, after its slots and
before the old ones are removed (docs/format/keys.md, "Rotation").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from kyanite.base.errors import Conflict, NotFound, ObjectExists, ObjectLocked, WrongKey
from kyanite.engine.format import RINGS_PREFIX, ring_name, slot_name
from kyanite.engine.key_ring import encode_ring, is_of, list_rings, read_rings
from kyanite.engine.key_slots import (
    KeyVault,
    Slot,
    SlotKind,
    SlotNote,
    make_password_slot,
    make_recovery_slot,
    make_vault_slot,
    open_slot,
    parse_slot,
    read_note,
    slot_owner,
)
from kyanite.engine.keys import RepositoryKeys
from kyanite.engine.opening import is_retired, name_of_ring, read_slots
from kyanite.engine.password_stretching import Cost
from kyanite.engine.storage.base import Storage


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """A slot as its owner sees it."""

    slot_id: str
    kind: SlotKind
    label: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password for a slot to come."""

    password: str = field(repr=False)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation made: the keys from now on, and the recovery key to print, if asked for."""

    keys: RepositoryKeys
    recovery_key: str | None = field(repr=False)


def list_slots(storage: Storage, keys: RepositoryKeys) -> list[SlotInfo]:
    """Who may open the repository, oldest first. Raises ``Damaged`` for a slot that is."""
    found = []
    for slot in _slots(storage, keys).values():
        note = read_note(slot, keys.master_key)
        found.append(SlotInfo(slot.slot_id.hex(), SlotKind(slot.kind), note.label, note.created_at))
    return sorted(found, key=lambda info: (info.created_at, info.slot_id))


def opens(storage: Storage, keys: RepositoryKeys, secret: str) -> bool:
    """Whether a slot opens with this password or recovery key."""
    return any(
        open_slot(slot, secret) == keys.master_key for slot in _slots(storage, keys).values()
    )


def add_password(
    storage: Storage, keys: RepositoryKeys, new: NewPassword, now: datetime, cost: Cost | None
) -> str:
    """A further slot; returns its id."""
    note = SlotNote(new.label, now)
    slot_id, slot = make_password_slot(
        new.password, keys.master_key, name_of_ring(keys), note, cost
    )
    storage.put(slot_name(slot_id), slot)
    return slot_id.hex()


def add_vault(
    storage: Storage, keys: RepositoryKeys, vault: KeyVault, label: str, now: datetime
) -> str:
    """A slot that a key vault opens; returns its id."""
    slot_id, slot = make_vault_slot(
        vault, keys.master_key, name_of_ring(keys), SlotNote(label, now)
    )
    storage.put(slot_name(slot_id), slot)
    return slot_id.hex()


def change_password(
    storage: Storage,
    keys: RepositoryKeys,
    new: NewPassword,
    old: str | None,
    now: datetime,
    cost: Cost | None,
) -> None:
    """Put a slot for ``new``, then remove the slots of ``old`` (``None``: all other passwords).

    Slots that open with ``new`` already, of a change that was interrupted, go too. Raises
    ``WrongKey`` if no slot opens with ``old``; nothing is changed then.
    """
    slots = {n: s for n, s in _slots(storage, keys).items() if s.kind == SlotKind.PASSWORD}
    going = [(name, slot) for name, slot in slots.items() if old is None or open_slot(slot, old)]
    if old is not None and not going:
        raise WrongKey("The old password does not open this repository.")
    if not new.label and len(going) == 1:
        new = NewPassword(new.password, read_note(going[0][1], keys.master_key).label)
    add_password(storage, keys, new, now, cost)
    changed = {name for name, _ in going}
    changed |= {name for name, slot in slots.items() if open_slot(slot, new.password)}
    _remove(storage, sorted(changed))


def hand_over(
    storage: Storage,
    keys: RepositoryKeys,
    opener: str | KeyVault,
    now: datetime,
    cost: Cost | None = None,
) -> None:
    """Put a slot for ``opener``, then remove all other slots of passwords and vaults.

    Recovery keys stay good. Repeating it leaves one slot, too. Raises ``Conflict`` for slots
    that are locked.
    """
    going = [
        name
        for name, slot in _slots(storage, keys).items()
        if slot.kind in (SlotKind.PASSWORD, SlotKind.VAULT)
    ]
    if isinstance(opener, str):
        add_password(storage, keys, NewPassword(opener), now, cost)
    else:
        add_vault(storage, keys, opener, "", now)
    _remove(storage, sorted(going))


def new_recovery_key(storage: Storage, keys: RepositoryKeys, label: str, now: datetime) -> str:
    """A recovery key to print; those made before open nothing any more."""
    going = [name for name, slot in _slots(storage, keys).items() if slot.kind == SlotKind.RECOVERY]
    note = SlotNote(label, now)
    slot_id, slot, printed = make_recovery_slot(keys.master_key, name_of_ring(keys), note)
    storage.put(slot_name(slot_id), slot)
    _remove(storage, going)
    return printed


def remove_slot(storage: Storage, keys: RepositoryKeys, slot_id: str) -> None:
    """Remove a slot. Raises ``NotFound``; ``Conflict`` for the last one, which stays."""
    slots = _slots(storage, keys)
    found = next((name for name, slot in slots.items() if slot.slot_id.hex() == slot_id), None)
    if found is None:
        raise NotFound(f"There is no key slot {slot_id}; `kyanite repo key list` shows them.")
    if len(slots) > 1:
        _remove(storage, [found])
        if _slots(storage, keys):
            return
        storage.put(found, slots[found].data)  # another removal took the other one meanwhile
    raise Conflict(
        "This is the last key slot; without it nobody could open the repository. Add another first."
    )


def rotate(
    storage: Storage,
    keys: RepositoryKeys,
    passwords: Sequence[NewPassword],
    now: datetime,
    *,
    recovery: bool = False,
    vaults: Sequence[KeyVault] = (),
    prepared: Callable[[bytes], None] | None = None,
    cost: Cost | None = None,
) -> Rotated:
    """A new master key and a new epoch for what is written from now on.

    Only ``passwords``, ``vaults`` and the new recovery key open the repository afterwards.
    ``prepared`` is given the new master key before it counts: whoever keeps one keeps both
    until this returns. Raises ``Conflict`` if the keys were rotated meanwhile.
    """
    if not passwords and not recovery and not vaults:
        raise Conflict("A rotation needs at least one password, recovery key or vault.")
    rings = read_rings(storage, list_rings(storage), keys.repository_id)
    if is_retired(keys, rings):
        raise _rotated_meanwhile()
    taken = max((ring.epoch for ring in rings), default=keys.epoch)  # garbage takes a name too
    new = keys.in_next_epoch(max(taken, keys.epoch) + 1)
    if prepared is not None:
        prepared(new.master_key)
    slots, printed = _new_slots(new, passwords, recovery, vaults, now, cost)
    for name, slot in slots.items():
        storage.put(name, slot)
    ring, data = ring_name(new.repository_id, new.epoch), encode_ring(new)
    try:
        storage.put(ring, data)  # the moment of the rotation
    except ObjectExists:
        _take_back(storage, list(slots))
        raise _rotated_meanwhile() from None
    if is_retired(new, read_rings(storage, list_rings(storage), new.repository_id)):
        # Frozen so long that others rotated twice and our number was free again.
        _take_back(storage, [*slots, ring])
        raise _rotated_meanwhile()
    settle(storage, new)
    return Rotated(new, printed)


def settle(storage: Storage, keys: RepositoryKeys) -> int:
    """Remove what rotations and interrupted inits left; returns how many objects.

    Rings below ours, slots that name any of them or one that never came to be, slots and
    rings of a repository that is not at this address.
    """
    own = name_of_ring(keys)
    junk = [
        name
        for name, data in read_slots(storage).items()
        if _is_junk(data, keys.repository_id, own.epoch, own.ring_id)
    ]
    names = list_rings(storage)
    prefix = f"{RINGS_PREFIX}{keys.repository_id.hex()}/"
    junk += [
        ring.name
        for ring in read_rings(storage, names, keys.repository_id)
        if ring.epoch < keys.epoch and is_of(keys, ring)
    ]
    junk += [name for name in names if not name.startswith(prefix)]
    for name in junk:
        with suppress(ObjectLocked):  # opens nothing any more, and goes when its lock ends
            storage.delete(name)
    return len(junk)


def _is_junk(data: bytes, repository_id: bytes, epoch: int, ring_id: bytes) -> bool:
    slot = parse_slot(data, repository_id)
    if slot is None:
        return slot_owner(data) not in (None, repository_id)
    # One of a later epoch may be of a rotation that is going on.
    return slot.epoch <= epoch and slot.ring_id != ring_id


def _slots(storage: Storage, keys: RepositoryKeys) -> dict[str, Slot]:
    """The slots of the ring of these keys, by name."""
    own = name_of_ring(keys)
    parsed = {
        name: parse_slot(data, keys.repository_id) for name, data in read_slots(storage).items()
    }
    return {
        name: slot
        for name, slot in parsed.items()
        if slot is not None and (slot.epoch, slot.ring_id) == (own.epoch, own.ring_id)
    }


def _new_slots(
    new: RepositoryKeys,
    passwords: Sequence[NewPassword],
    recovery: bool,
    vaults: Sequence[KeyVault],
    now: datetime,
    cost: Cost | None,
) -> tuple[dict[str, bytes], str | None]:
    ring, slots, printed = name_of_ring(new), {}, None
    for one in passwords:
        note = SlotNote(one.label, now)
        slot_id, slot = make_password_slot(one.password, new.master_key, ring, note, cost)
        slots[slot_name(slot_id)] = slot
    for vault in vaults:
        slot_id, slot = make_vault_slot(vault, new.master_key, ring, SlotNote("", now))
        slots[slot_name(slot_id)] = slot
    if recovery:
        slot_id, slot, printed = make_recovery_slot(new.master_key, ring, SlotNote("", now))
        slots[slot_name(slot_id)] = slot
    return slots, printed


def _take_back(storage: Storage, names: Sequence[str]) -> None:
    for name in names:
        storage.delete(name)


def _remove(storage: Storage, names: Sequence[str]) -> None:
    for name in names:
        try:
            storage.delete(name)
        except ObjectLocked as error:
            raise Conflict(
                "The key slot is locked like the points it opens, and stays until its lock ends. "
                "`kyanite repo key rotate` makes new keys, and the old slots open nothing then."
            ) from error


def _rotated_meanwhile() -> Conflict:
    return Conflict(
        "The keys of this repository were rotated by somebody else meanwhile; nothing was "
        "changed. Open it anew, with a password that was given then."
    )
