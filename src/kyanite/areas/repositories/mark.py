"""The mark in a repository's folder: who owns it, its tier, and how it is encrypted.

The engine's objects say nothing of appliances. The mark is an object of this area beside
them, ``mark/<number>``, JSON, the highest number counts. A change puts the next number,
create-only, so that of two appliances that change it at once one fails; then older ones are
removed. docs/decisions/0008-the-mark-of-a-repository.md says why.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from kyanite.areas.repositories.key_reference import KeyReference
from kyanite.base.errors import Conflict, ObjectExists, ObjectMissing, UnknownFormat
from kyanite.base.json_types import JsonValue, as_object, as_text
from kyanite.engine.storage.base import Storage

PREFIX: Final = "mark/"
_VERSION: Final = 1
_MAX_BYTES: Final = 64 * 1024  # a mark has some hundred; more is not read


@dataclass(frozen=True)
class Owner:
    """An appliance."""

    id: str
    name: str


@dataclass(frozen=True)
class Mark:
    """What a folder says about its repository."""

    owner: Owner | None
    """``None``: nobody; it was removed from its appliance, or made without one."""
    tier: str
    """As asked for when it was made: ``Hot``, ``Cool``, ``Archive`` or ``Inferred``."""
    is_encrypted: bool
    hint: str | None
    open_password: str = field(default="", repr=False)
    """The password of a repository without encryption: whoever reads the folder has it."""
    key: KeyReference | None = None
    """The key of a vault it is encrypted with, instead of a password."""

    number: int | None = field(default=None, compare=False)
    """Which mark of the folder was read; one that is made from it replaces that one only."""

    @property
    def encryption_method(self) -> str:
        """``RepositoryEncryptionMethod`` of the contract."""
        if not self.is_encrypted:
            return "None"
        return "KeyVault" if self.key is not None else "Password"

    def to_bytes(self) -> bytes:
        """The object."""
        document: dict[str, JsonValue] = {
            "version": _VERSION,
            "owner": {"id": self.owner.id, "name": self.owner.name} if self.owner else None,
            "tier": self.tier,
            "encryption": self.encryption_method,
            "hint": self.hint,
        }
        if self.is_encrypted and self.key is not None:
            document["key"] = self.key.to_json()
        if not self.is_encrypted:
            document["password"] = self.open_password
        return json.dumps(document, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Mark:
        """Read the object. Raises ``UnknownFormat``."""
        try:
            document = as_object(json.loads(content))
        except (ValueError, RecursionError):
            document = {}
        if document.get("version") != _VERSION:
            raise UnknownFormat(
                "The mark of the repository is not in a form this version knows; "
                "a newer version of the appliance may have written it."
            )
        owner = as_object(document.get("owner"))
        return cls(
            owner=Owner(as_text(owner.get("id")), as_text(owner.get("name"))) if owner else None,
            tier=as_text(document.get("tier")) or "Inferred",
            is_encrypted=document.get("encryption") != "None",
            hint=as_text(document.get("hint")) or None,
            open_password=as_text(document.get("password")),
            key=KeyReference.from_json(as_object(document.get("key"))),
        )


def read_mark(storage: Storage) -> Mark | None:
    """The mark of the repository in ``storage``; ``None`` when it has none."""
    for name in reversed(_names(storage)):
        try:
            found = Mark.from_bytes(storage.get_range(name, 0, _MAX_BYTES))
            return replace(found, number=_number(name))
        except ObjectMissing:
            continue  # replaced between the listing and the reading; the newer one was listed too
    return None


def write_mark(storage: Storage, mark: Mark) -> None:
    """Replace the mark. Doing it again with the same mark changes nothing.

    A mark that was made from one that was read (``number``) replaces only that one; any other
    replaces what there is. Raises ``Conflict`` when another appliance has replaced it meanwhile.
    """
    names = _names(storage)
    content = mark.to_bytes()
    if names and storage.get_range(names[-1], 0, _MAX_BYTES) == content:
        _remove(storage, names[:-1])
        return
    newest = _number(names[-1]) if names else 0
    meanwhile = Conflict(
        "Another appliance is changing the owner of this repository at the same time."
    )
    if mark.number not in (None, newest):
        raise meanwhile
    try:
        storage.put(f"{PREFIX}{newest + 1:08d}", content)
    except ObjectExists as error:
        raise meanwhile from error
    _remove(storage, names)


def _names(storage: Storage) -> Sequence[str]:
    """The marks, oldest first."""
    return [
        found.name for found in storage.list(PREFIX) if found.name.removeprefix(PREFIX).isdecimal()
    ]


def _number(name: str) -> int:
    return int(name.removeprefix(PREFIX))


def _remove(storage: Storage, names: Sequence[str]) -> None:
    """Older marks go: one of them may hold the open password of before."""
    for name in names:
        storage.delete(name)
