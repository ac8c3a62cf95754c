"""Opening registered repositories, unattended: with the sealed master key, or through a vault.

A repository encrypted with a key of a vault is opened through the vault each time, so that
who disables the key stops the appliance. A key that was deleted is missed for a week, in which
the sealed master key still opens (docs/behaviour/repositories.md, section 10.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import RepositoryFacts, from_row
from kyanite.areas.repositories.key_reference import KeyReference, version_of
from kyanite.azure.vault_wrapping import VaultWrapping
from kyanite.base.clock import Clock
from kyanite.base.errors import Conflict, Denied, Gone, Invalid, Rejected, WrongKey
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.engine.format import KEY_BYTES
from kyanite.engine.repository import Repository as EngineRepository
from kyanite.engine.storage.base import Storage

GRACE: Final = timedelta(days=7)
"""How long a deleted key may be missed."""


class KeyState(Enum):
    """What a vault says of a key."""

    GOOD = "good"
    DISABLED = "disabled"
    REPLACED = "replaced"
    """There is a key of that name, and the version that is needed is not among its versions."""
    GONE = "gone"


@dataclass(frozen=True)
class _Kept:
    """What the database keeps for opening a repository."""

    facts: RepositoryFacts
    master_keys: tuple[bytes, ...] = field(repr=False)
    fingerprint: str | None


class Unlocking:
    """Opens repositories without asking anybody for a password."""

    def __init__(
        self, database: Database, secrets: SecretBox, azure: AzureAccess, clock: Clock
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._azure = azure
        self._clock = clock

    def wrapping(self, account_id: str, key: KeyReference) -> VaultWrapping:
        """A key of a vault, for the engine. Raises ``NotFound`` for an unknown account."""
        return VaultWrapping(self._azure.vault_keys(account_id, key.vault_uri), key.uri)

    def require_usable(self, account_id: str, key: KeyReference) -> None:
        """Raise ``Invalid`` unless the account can wrap with a key, and unwrap again."""
        wrapping = self.wrapping(account_id, key)
        try:
            wrapping.unwrap(wrapping.wrap(bytes(KEY_BYTES)))
        except (Denied, Gone, Rejected, WrongKey) as error:
            raise Invalid.member(
                "keyVaultKeyUri",
                f"The key {key.name} of the vault {key.vault_name} cannot be used: {error}",
            ) from error

    def open(self, repository_id: str, storage: Storage) -> EngineRepository:
        """Open a repository for everyday work.

        Raises ``NotFound``; ``Conflict`` when it was never made, when its key is disabled or has
        been missed for too long; ``WrongKey`` or ``Damaged`` when the folder holds another
        repository now, or its keys were changed by somebody else; ``AzureError`` when the vault
        cannot be asked.
        """
        kept = self._kept(repository_id)
        key = kept.facts.key
        if key is None:
            return self._with_master(kept, storage)
        try:
            engine = EngineRepository.open_with_vault(
                storage, self.wrapping(kept.facts.account_id, key)
            )
        except WrongKey as refused:
            return self._without_vault(kept, key, storage, refused)
        _require_same(kept, engine)
        self._note_gone(kept.facts, None)
        return engine

    def open_to_change(self, repository_id: str, storage: Storage) -> EngineRepository:
        """Open it to change who may: the vault is not needed any more, unless it says no.

        Raises as ``open`` does.
        """
        kept = self._kept(repository_id)
        if kept.facts.key is not None:
            self._require_not_disabled(kept.facts, kept.facts.key)
        return self._with_master(kept, storage)

    def open_with(
        self, repository_id: str, opening: Callable[[], EngineRepository]
    ) -> EngineRepository:
        """Open it with what somebody has given, because its keys were changed by somebody else.

        Raises what ``opening`` raises, and ``WrongKey`` when it is another repository.
        """
        kept = self._kept(repository_id)
        engine = opening()
        _require_same(kept, engine)
        return engine

    def is_rotated(self, repository_id: str, engine: EngineRepository) -> bool:
        """Whether the keys of ``engine`` are those of a rotation that was not finished here."""
        with self._database.reading() as db:
            sealed = queries.get_row(db, repository_id).next_master_key_sealed
        return sealed is not None and engine.master_key == self._secrets.open(
            sealed, row_id=repository_id
        )

    def key_state(self, account_id: str, key: KeyReference) -> KeyState:
        """Ask the vault about a key. Raises ``AzureError``."""
        keys = self._azure.vault_keys(account_id, key.vault_uri)
        try:
            current = keys.current(key.name)
        except Gone:
            return KeyState.GONE
        wanted = key.version or version_of(key.uri)
        if not wanted or wanted == current.version:
            return KeyState.GOOD if current.is_enabled else KeyState.DISABLED
        for version in keys.versions(key.name):
            if version.version == wanted:
                return KeyState.GOOD if version.is_enabled else KeyState.DISABLED
        return KeyState.REPLACED

    def warning(self, repository: RepositoryFacts) -> str | None:
        """What people have to be warned of: a key that is deleted. Raises ``AzureError``."""
        key = repository.key
        if key is None or self.key_state(repository.account_id, key) is not KeyState.GONE:
            return None
        since = repository.key_gone_since or self._clock.now()
        self._note_gone(repository, since)
        return gone_text(repository, key, since)

    def is_missed_too_long(self, repository: RepositoryFacts) -> bool:
        """Whether a deleted key has been missed for so long that nothing is opened any more."""
        since = repository.key_gone_since
        return since is not None and self._clock.now() - since > GRACE

    def _with_master(self, kept: _Kept, storage: Storage) -> EngineRepository:
        if not kept.master_keys:
            raise Conflict(
                f"The appliance has lost its key of the repository {kept.facts.name}; register "
                "it anew with its password.",
                resource_id=kept.facts.id,
            )
        refused: WrongKey | None = None
        for master_key in kept.master_keys:
            try:
                return EngineRepository.open_with_master(storage, master_key)
            except WrongKey as error:
                refused = refused or error
        raise WrongKey(
            f"The keys of the repository {kept.facts.name} were changed by somebody else. Edit "
            "the repository and enter the password, or the key, that opens it now."
        ) from refused

    def _without_vault(
        self, kept: _Kept, key: KeyReference, storage: Storage, refused: WrongKey
    ) -> EngineRepository:
        """The vault did not open it: because of the key, or has somebody changed the slots?"""
        state = self.key_state(kept.facts.account_id, key)
        if state is KeyState.DISABLED:
            raise _disabled(kept.facts, key) from refused
        if state is not KeyState.GONE:
            raise WrongKey(
                f"The key {key.name} of the vault {key.vault_name} does not open the repository "
                f"{kept.facts.name} any more. Edit the repository and enter the password, or the "
                f"key, that opens it now. ({refused})"
            ) from refused
        since = kept.facts.key_gone_since or self._clock.now()
        if self.is_missed_too_long(kept.facts):
            raise Conflict(
                gone_text(kept.facts, key, since), resource_id=kept.facts.id
            ) from refused
        self._note_gone(kept.facts, since)
        return self._with_master(kept, storage)

    def _require_not_disabled(self, own: RepositoryFacts, key: KeyReference) -> None:
        if self.key_state(own.account_id, key) is KeyState.DISABLED:
            raise _disabled(own, key)

    def _note_gone(self, own: RepositoryFacts, since: datetime | None) -> None:
        if own.key_gone_since == since:
            return
        with self._database.writing() as db:
            row = queries.find_row(db, own.id)
            if row is not None:
                row.key_gone_since = since

    def _kept(self, repository_id: str) -> _Kept:
        with self._database.reading() as db:
            row = queries.get_row(db, repository_id)
            own = from_row(row)
            sealed = (row.master_key_sealed, row.next_master_key_sealed)
            fingerprint, exists = row.engine_fingerprint, row.engine_repository_id is not None
        if not exists:
            raise Conflict(
                f"The repository {own.name} was not created yet; its session says why.",
                resource_id=own.id,
            )
        keys = tuple(self._secrets.open(one, row_id=own.id) for one in sealed if one is not None)
        return _Kept(own, keys, fingerprint)


def _require_same(kept: _Kept, engine: EngineRepository) -> None:
    """Raise ``WrongKey`` unless it is the repository that was registered.

    What a vault opens shows nothing: the public half of its key is enough to wrap for it.
    """
    if kept.fingerprint is not None and engine.fingerprint.hex() != kept.fingerprint:
        raise WrongKey(
            f"The folder of the repository {kept.facts.name} holds another repository than the "
            "one that was registered. Find out who put it there."
        )


def gone_text(own: RepositoryFacts, key: KeyReference, since: datetime) -> str:
    """What to tell people about a deleted key."""
    ends = since + GRACE
    return (
        f"The key {key.name} of the vault {key.vault_name}, with which the repository {own.name} "
        f"is encrypted, was deleted. Recover it, or choose another key or a password, before "
        f"{ends:%Y-%m-%d %H:%M} UTC: from then on the repository is not opened any more, and its "
        "backups are lost when the key is purged."
    )


def _disabled(own: RepositoryFacts, key: KeyReference) -> Conflict:
    return Conflict(
        f"The key {key.name} of the vault {key.vault_name}, with which the repository {own.name} "
        "is encrypted, is disabled; enable it to use the repository.",
        resource_id=own.id,
    )
