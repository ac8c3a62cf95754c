"""The keys of a repository: how each is derived, and what an order is given of them.

docs/format/keys.md. No order holds the master key; nothing here shows a key in its text.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from blake3 import blake3

from kyanite.base.errors import Invalid, WrongKey
from kyanite.engine.format import KEY_BYTES, PACK_ID_BYTES, Kind, id_of
from kyanite.engine.randomness import draw

FIRST_EPOCH: Final = 0

_BACKUP_MAGIC: Final = b"kyn-bkp2"
_RESTORE_MAGIC: Final = b"kyn-rst1"


def derive(key: bytes, label: str, context: bytes) -> bytes:
    """The 32-byte key for ``label`` and ``context`` below ``key``."""
    name = label.encode("ascii")
    return blake3(bytes([len(name)]) + name + context, key=key).digest()


def pack_key(session_root: bytes, pack_id: bytes) -> bytes:
    """Opens the chunks of one pack."""
    return derive(session_root, "pack", pack_id)


def recipe_key(session_root: bytes, salt: bytes) -> bytes:
    """Opens the recipe in one attempt of a session's point."""
    return derive(session_root, "recipe", salt)


def page_id_key(id_key: bytes) -> bytes:
    """Names pages; not the key that names chunks, so no guest's bytes pass for a page."""
    return derive(id_key, "page ids", b"")


def structure_key(maintenance_key: bytes, pack_id: bytes) -> bytes:
    """Opens pages and table of one pack."""
    return derive(maintenance_key, "pack structure", pack_id)


def object_key(maintenance_key: bytes, kind: Kind, salt: bytes) -> bytes:
    """Opens one sealed object."""
    return derive(maintenance_key, "object", int(kind).to_bytes(2, "little") + salt)


def settings_key(maintenance_key: bytes, repository_id: bytes) -> bytes:
    """Checks the repository object."""
    return derive(maintenance_key, "settings", repository_id)


@dataclass(frozen=True, slots=True)
class MaintenanceKeys:
    """What opens structure: lists, tables, pages, pack sets; no chunk and no recipe."""

    repository_id: bytes
    maintenance_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RepositoryKeys:
    """All keys of a repository.

    master_key  the key-encryption key: opens the ring that holds the others
    epoch       of new data
    secrets     by epoch; from them follow the keys of all data
    """

    repository_id: bytes
    master_key: bytes = field(repr=False)
    id_key: bytes = field(repr=False)
    cut_key: bytes = field(repr=False)
    maintenance_key: bytes = field(repr=False)
    epoch: int
    secrets: Mapping[int, bytes] = field(repr=False)

    @classmethod
    def draw(cls, repository_id: bytes) -> RepositoryKeys:
        """The keys of a new repository: all random, none derived from another."""
        master_key, id_key, cut_key, maintenance_key, secret = (draw(KEY_BYTES) for _ in range(5))
        secrets = {FIRST_EPOCH: secret}
        return cls(
            repository_id, master_key, id_key, cut_key, maintenance_key, FIRST_EPOCH, secrets
        )

    def in_next_epoch(self, epoch: int) -> RepositoryKeys:
        """The same with another master key and a new secret for data written from now on."""
        secrets = {**self.secrets, epoch: draw(KEY_BYTES)}
        return replace(self, master_key=draw(KEY_BYTES), epoch=epoch, secrets=secrets)

    @property
    def maintenance(self) -> MaintenanceKeys:
        """What may be given to a service that shall not read data."""
        return MaintenanceKeys(self.repository_id, self.maintenance_key)

    @property
    def fingerprint(self) -> bytes:
        """Tells the repository from any other; follows from the secret of the first epoch, which
        no order and no maintenance key gives away. Not secret itself."""
        return derive(self.secrets[FIRST_EPOCH], "fingerprint", self.repository_id)

    def session_root(self, session_id: bytes, epoch: int) -> bytes:
        """From this follow the keys of what the session wrote in that epoch.

        Raises ``WrongKey`` for an epoch whose secret is not here.
        """
        secret = self.secrets.get(epoch)
        if secret is None:
            raise WrongKey(
                f"The secret of epoch {epoch} is not among these keys; the repository was "
                "opened before its keys were rotated. Open it again."
            )
        return derive(secret, "session", session_id)

    def session_root_of(self, session_id: str, epoch: int) -> bytes:
        """The same by the text of the id; what opens the recipes of points."""
        return self.session_root(id_of(session_id), epoch)


@dataclass(frozen=True, slots=True)
class BackupKeys:
    """What a backup needs: it can read structure, and data of its own session only."""

    repository_id: bytes
    session_id: bytes
    id_key: bytes = field(repr=False)
    cut_key: bytes = field(repr=False)
    maintenance_key: bytes = field(repr=False)
    session_root: bytes = field(repr=False)
    epoch: int = 0  # of the data keys; stands in the header of every pack

    def to_bytes(self) -> bytes:
        """For an order. Secret."""
        return b"".join(
            (
                _BACKUP_MAGIC,
                self.repository_id,
                self.session_id,
                self.id_key,
                self.cut_key,
                self.maintenance_key,
                self.session_root,
                self.epoch.to_bytes(4, "little"),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> BackupKeys:
        layout = struct.Struct("<8s16s16s32s32s32s32sI")
        if len(data) != layout.size or not data.startswith(_BACKUP_MAGIC):
            raise Invalid("These are not the keys of a backup order.")
        _, *parts = layout.unpack(data)
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class RestoreKeys:
    """What a restore needs: structure, and the data of the packs named here only."""

    repository_id: bytes
    id_key: bytes = field(repr=False)
    maintenance_key: bytes = field(repr=False)
    pack_keys: Mapping[bytes, bytes] = field(repr=False)

    def to_bytes(self) -> bytes:
        """For an order. Secret."""
        head = (_RESTORE_MAGIC, self.repository_id, self.id_key, self.maintenance_key)
        return b"".join((*head, *(pack + key for pack, key in sorted(self.pack_keys.items()))))

    @classmethod
    def from_bytes(cls, data: bytes) -> RestoreKeys:
        head = struct.Struct("<8s16s32s32s")
        each = PACK_ID_BYTES + KEY_BYTES
        if len(data) < head.size or (len(data) - head.size) % each:
            raise Invalid("These are not the keys of a restore order.")
        magic, repository_id, id_key, maintenance_key = head.unpack_from(data)
        if magic != _RESTORE_MAGIC:
            raise Invalid("These are not the keys of a restore order.")
        packs = {
            data[at : at + PACK_ID_BYTES]: data[at + PACK_ID_BYTES : at + each]
            for at in range(head.size, len(data), each)
        }
        return cls(repository_id, id_key, maintenance_key, packs)
