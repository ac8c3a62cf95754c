"""Changing what opens a repository: a password, or a key of a vault.

Data is never rewritten. Usually a new key slot is put and the others are removed. Where slots
are locked with the points, and where the old password was open to everybody, the keys are
rotated: what is written from now on is sealed with keys that the old slots do not give.
"""

from __future__ import annotations

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import RepositoryFacts
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.azure.vault_wrapping import VaultWrapping
from kyanite.base.errors import WrongKey
from kyanite.durable.context import JobContext
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.key_slots import SlotKind
from kyanite.engine.repository import Repository as EngineRepository
from kyanite.engine.storage.base import Storage


def change_opener(
    ctx: JobContext,
    tools: RepositoryTools,
    own: RepositoryFacts,
    storage: Storage,
    opener: str | VaultWrapping,
) -> EngineRepository:
    """Let ``opener`` open the repository, and nothing else but recovery keys. May run twice.

    If somebody else has changed the keys, ``opener`` must be what opens it now. Raises
    ``WrongKey`` when it is not, and what ``Unlocking.open_to_change`` raises.
    """
    unlocking = tools.access.unlocking
    try:
        engine = unlocking.open_to_change(own.id, storage)
    except WrongKey as refused:
        try:
            engine = unlocking.open_with(own.id, lambda: _open(storage, opener))
        except WrongKey as error:
            raise refused from error
        ctx.log("The keys were changed by somebody else; what was entered opens the repository")
        return engine
    if _is_done(tools, own, engine, opener):
        return engine
    if own.immutability_enabled or not own.is_encrypted:
        _rotate(ctx, tools, own, engine, opener)
    else:
        engine.hand_over(opener)
    _open(storage, opener)  # before the old way is forgotten
    return engine


def _is_done(
    tools: RepositoryTools,
    own: RepositoryFacts,
    engine: EngineRepository,
    opener: str | VaultWrapping,
) -> bool:
    """Whether an earlier attempt has done it, or the password is what it was."""
    if tools.access.unlocking.is_rotated(own.id, engine):
        _open(engine.storage, opener)
        return True
    if not own.is_encrypted or not isinstance(opener, str):
        return False  # wrapping again with the key it has takes the newest version of the key
    kinds = {slot.kind for slot in engine.key_slots()}
    return SlotKind.VAULT not in kinds and engine.check_password(opener)


def _rotate(
    ctx: JobContext,
    tools: RepositoryTools,
    own: RepositoryFacts,
    engine: EngineRepository,
    opener: str | VaultWrapping,
) -> None:
    printed = any(slot.kind is SlotKind.RECOVERY for slot in engine.key_slots())

    def keep(master_key: bytes) -> None:
        with ctx.transaction() as db:
            row = queries.get_row(db, own.id)
            row.next_master_key_sealed = tools.secrets.seal(master_key, row_id=row.id)

    passwords = [NewPassword(opener)] if isinstance(opener, str) else []
    vaults = [] if isinstance(opener, str) else [opener]
    engine.rotate_keys(passwords, vaults=vaults, prepared=keep)
    if printed:
        ctx.warn(
            "The recovery key that was printed for the repository opens it no more; make a new "
            "one with 'kyanite repo key new-recovery'."
        )


def _open(storage: Storage, opener: str | VaultWrapping) -> EngineRepository:
    if isinstance(opener, str):
        return EngineRepository.open(storage, opener)
    return EngineRepository.open_with_vault(storage, opener)
