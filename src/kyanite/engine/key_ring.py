"""Rings: all keys of a repository, sealed under one master key (docs/format/keys.md, "Rings").

A ring is named by its epoch and put create-only: that is the moment a rotation happens, and
of two rotations at once one wins. Whoever held any ring can tell the rings of the
repository from what others put there, so that a stolen order cannot retire a key.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from blake3 import blake3

from kyanite.base.errors import Damaged, ObjectMissing, WrongKey
from kyanite.engine.format import (
    FORMAT_VERSION,
    KEY_BYTES,
    RING_MAGIC,
    RINGS_PREFIX,
    TAG_BYTES,
    Purpose,
    ensure,
    nonce,
    ring_name,
)
from kyanite.engine.keys import FIRST_EPOCH, RepositoryKeys, derive
from kyanite.engine.randomness import draw
from kyanite.engine.small_seals import same, seal, unseal
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map

_HEADER: Final = struct.Struct("<8sHHI16s16s16s")
_SECRET: Final = struct.Struct("<I32s")
_MAC_BYTES: Final = 32
_MAX_EPOCHS: Final = 4096
MAX_RINGS: Final = 64
_FIXED_BODY: Final = 3 * KEY_BYTES
_MAX_RING_BYTES: Final = (
    _HEADER.size + _FIXED_BODY + _MAX_EPOCHS * _SECRET.size + TAG_BYTES + _MAC_BYTES
)


@dataclass(frozen=True, slots=True)
class StoredRing:
    """A ring as it was read: nothing of it is authenticated yet."""

    name: str
    epoch: int
    ring_id: bytes
    data: bytes = field(repr=False)


def ring_id_of(master_key: bytes, repository_id: bytes, epoch: int) -> bytes:
    """What slots call a ring. Follows from the master key, so it commits to it."""
    return derive(master_key, "ring id", repository_id + epoch.to_bytes(4, "little"))[:16]


def encode_ring(keys: RepositoryKeys) -> bytes:
    """The bytes of ``rings/<epoch>``."""
    salt = draw(16)
    header = _HEADER.pack(
        RING_MAGIC,
        FORMAT_VERSION,
        0,
        keys.epoch,
        keys.repository_id,
        ring_id_of(keys.master_key, keys.repository_id, keys.epoch),
        salt,
    )
    body = b"".join(
        (
            keys.id_key,
            keys.cut_key,
            keys.maintenance_key,
            *(_SECRET.pack(epoch, secret) for epoch, secret in sorted(keys.secrets.items())),
        )
    )
    key = _key(keys.master_key, keys.repository_id, salt)
    sealed = seal(key, nonce(Purpose.RING), body, header)
    return header + sealed + _mac(keys.secrets, keys.repository_id, header + sealed)


def list_rings(storage: Storage) -> list[str]:
    """Names of what may be rings. Raises ``Damaged`` when they are impossibly many."""
    names = [info.name for info in islice(storage.list(RINGS_PREFIX), MAX_RINGS + 1)]
    if len(names) > MAX_RINGS:
        raise Damaged(
            f"There are more than {MAX_RINGS} objects in {RINGS_PREFIX}; a repository has one or "
            "two. Somebody else has put them there; remove those that are not of this repository."
        )
    return names


def read_rings(storage: Storage, names: list[str], repository_id: bytes) -> list[StoredRing]:
    """The rings of a repository, newest epoch first. What is none is left out."""
    own = [name for name in names if name.startswith(f"{RINGS_PREFIX}{repository_id.hex()}/")]

    def read(name: str) -> StoredRing | None:
        try:
            return _parse(name, storage.get_range(name, 0, _MAX_RING_BYTES + 1), repository_id)
        except ObjectMissing:
            return None  # retired since the listing

    rings = [ring for ring in parallel_map(read, own) if ring is not None]
    return sorted(rings, key=lambda ring: ring.epoch, reverse=True)


def open_ring(ring: StoredRing, master_key: bytes, repository_id: bytes) -> RepositoryKeys:
    """The keys in a ring. Raises ``WrongKey`` for another master key, ``Damaged``."""
    expected = ring_id_of(master_key, repository_id, ring.epoch)
    if not same(expected, ring.ring_id):
        raise WrongKey("The key does not open this ring of the repository.")
    header, sealed = ring.data[: _HEADER.size], ring.data[_HEADER.size : -_MAC_BYTES]
    salt = _HEADER.unpack(header)[6]
    key = _key(master_key, repository_id, salt)
    body = unseal(key, nonce(Purpose.RING), sealed, header)
    if body is None:
        raise Damaged(f"{ring.name} is damaged: it does not authenticate.")
    secrets = dict(_SECRET.iter_unpack(body[_FIXED_BODY:]))
    ensure(
        ring.epoch in secrets and FIRST_EPOCH in secrets,
        f"{ring.name} is damaged: the secret of an epoch is not in it.",
    )
    id_key, cut_key, maintenance_key = (
        body[at : at + KEY_BYTES] for at in range(0, _FIXED_BODY, KEY_BYTES)
    )
    keys = RepositoryKeys(
        repository_id, master_key, id_key, cut_key, maintenance_key, ring.epoch, secrets
    )
    ensure(is_of(keys, ring), f"{ring.name} is damaged: its end does not authenticate.")
    return keys


def is_of(keys: RepositoryKeys, ring: StoredRing) -> bool:
    """Whether a holder of all keys of this repository wrote the ring, in any epoch."""
    mac = _mac(keys.secrets, keys.repository_id, ring.data[:-_MAC_BYTES])
    return same(mac, ring.data[-_MAC_BYTES:])


def _parse(name: str, data: bytes, repository_id: bytes) -> StoredRing | None:
    sealed = len(data) - _HEADER.size - _FIXED_BODY - TAG_BYTES - _MAC_BYTES
    if len(data) > _MAX_RING_BYTES or sealed < _SECRET.size or sealed % _SECRET.size:
        return None
    magic, version, reserved, epoch, owner, ring_id, _ = _HEADER.unpack_from(data)
    if (magic, version, reserved, owner) != (RING_MAGIC, FORMAT_VERSION, 0, repository_id):
        return None
    if name != ring_name(repository_id, epoch):
        return None
    return StoredRing(name, epoch, ring_id, data)


def _key(master_key: bytes, repository_id: bytes, salt: bytes) -> bytes:
    return derive(master_key, "ring", repository_id + salt)


def _mac(secrets: Mapping[int, bytes], repository_id: bytes, data: bytes) -> bytes:
    key = derive(secrets[FIRST_EPOCH], "rings", repository_id)
    return blake3(data, key=key).digest()
