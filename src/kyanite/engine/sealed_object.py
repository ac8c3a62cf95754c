"""Sealed objects: the envelope of everything but packs, key slots and the repository object.

docs/format/objects.md, "Sealed objects". The name is part of what is authenticated: an
object under a wrong name does not open.
"""

from __future__ import annotations

import struct
from typing import Final

from kyanite.base.errors import Damaged
from kyanite.base.units import MIB
from kyanite.engine import small_seals
from kyanite.engine.compression import compress, decompress
from kyanite.engine.format import (
    FORMAT_VERSION,
    MAX_OBJECT_BYTES,
    OBJECT_MAGIC,
    TAG_BYTES,
    Kind,
    Purpose,
    check_version,
    ensure,
    nonce,
)
from kyanite.engine.keys import object_key
from kyanite.engine.randomness import draw
from kyanite.engine.storage.base import Data, Storage

_HEADER: Final = struct.Struct("<8sHHHH16s16sQQ")
_LEVEL: Final = 1

_USUAL_BYTES: Final = MIB
_MOST_STORED_BYTES: Final = MAX_OBJECT_BYTES + 1024


def fetch(storage: Storage, name: str) -> bytes:
    """The bytes of a sealed object; of one that is too long no more than shows it.

    Raises ``ObjectMissing``, and what the storage raises.
    """
    data = storage.get_range(name, 0, _USUAL_BYTES)
    if len(data) < _USUAL_BYTES:
        return data
    rest = storage.get_range(name, _USUAL_BYTES, _MOST_STORED_BYTES - _USUAL_BYTES)
    return data + rest


def seal(kind: Kind, name: str, body: Data, maintenance_key: bytes, repository_id: bytes) -> bytes:
    """The bytes to put under ``name``."""
    salt = draw(16)
    codec, coded = compress(body, _LEVEL)
    header = _HEADER.pack(
        OBJECT_MAGIC,
        FORMAT_VERSION,
        kind,
        codec,
        0,
        repository_id,
        salt,
        len(body),
        len(coded) + TAG_BYTES,
    )
    key = object_key(maintenance_key, kind, salt)
    context = header + name.encode()
    return header + small_seals.seal(key, nonce(Purpose.OBJECT), coded, context)


def kind_of(name: str, data: bytes) -> Kind:
    """What an object says it is, before it is opened; ``Damaged`` if it is none of ours."""
    ensure(len(data) > _HEADER.size and data.startswith(OBJECT_MAGIC), f"{name} is damaged.")
    _, version, kind, *_ = _HEADER.unpack_from(data)
    check_version(version, name)
    try:
        return Kind(kind)
    except ValueError:
        raise Damaged(f"{name} is of unknown kind {kind}.") from None


def unseal(
    kind: Kind, name: str, data: bytes, maintenance_key: bytes, repository_id: bytes
) -> bytes:
    """The body of an object. Raises ``Damaged`` unless it is one of ``kind``, put as ``name``."""
    found = kind_of(name, data)
    ensure(found is kind, f"{name} is a {found.name.lower()}, not a {kind.name.lower()}.")
    header = data[: _HEADER.size]
    _, _, _, codec, reserved, owner, salt, plain_length, length = _HEADER.unpack(header)
    ensure(owner == repository_id, f"{name} belongs to another repository.")
    ensure(
        reserved == 0 and plain_length <= MAX_OBJECT_BYTES and length == len(data) - _HEADER.size,
        f"{name} is damaged: its header does not fit its bytes.",
    )
    key = object_key(maintenance_key, kind, salt)
    sealed = memoryview(data)[_HEADER.size :]
    context = header + name.encode()
    coded = small_seals.unseal(key, nonce(Purpose.OBJECT), sealed, context)
    if coded is None:
        raise Damaged(
            f"{name} is damaged, or was written with another key: it does not authenticate."
        )
    return bytes(decompress(codec, coded, plain_length))
