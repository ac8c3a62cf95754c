"""Repositories that are there already: may they be registered, and does the password open them?

docs/behaviour/repositories.md, section 5.
"""

from __future__ import annotations

from kyanite.areas.repositories.mark import Mark
from kyanite.base.errors import Conflict, Invalid, WrongKey
from kyanite.engine.key_slots import KeyVault
from kyanite.engine.repository import Repository as EngineRepository
from kyanite.engine.storage.base import Storage


def require_importable(
    folder: str, mark: Mark | None, import_existing: bool, asked_tier: str
) -> None:
    """Raise ``Conflict`` when importing was not asked for, ``Invalid`` for another tier."""
    if not import_existing:
        raise Conflict(
            f"The folder {folder} holds a repository already; "
            "ask for its backups to be imported, or choose another folder."
        )
    if mark is not None and asked_tier not in ("Inferred", mark.tier):
        raise Invalid.member(
            "storageTier",
            f"The repository in {folder} has the tier {mark.tier}, which cannot be changed.",
        )


def open_existing(
    storage: Storage, mark: Mark | None, password: str, vault: KeyVault | None = None
) -> EngineRepository:
    """Open a repository by the password or the key given, or by the password its mark publishes.

    Raises ``Invalid``, with the hint, when that is wrong or missing.
    """
    if mark is not None and not mark.is_encrypted:
        password, vault = mark.open_password, None
    hint = f" The hint is: {mark.hint}" if mark is not None and mark.hint else ""
    try:
        if password:
            return EngineRepository.open(storage, password)
        if vault is not None:
            return EngineRepository.open_with_vault(storage, vault)
    except WrongKey as error:
        if password:
            raise Invalid.member(
                "password", f"The password does not open the repository.{hint}"
            ) from error
        raise Invalid.member(
            "keyVaultKeyUri", f"The key does not open the repository: {error}{_needed(mark)}"
        ) from error
    if mark is not None and mark.key is not None:
        raise Invalid.member("keyVaultKeyUri", f"The repository is encrypted.{_needed(mark)}")
    raise Invalid.member(
        "password", f"The repository is encrypted; its password is required.{hint}"
    )


def _needed(mark: Mark | None) -> str:
    """What the folder says of the key that opens it."""
    if mark is None or mark.key is None:
        return ""
    key = mark.key
    return f" It says that it needs the key {key.name} of the vault {key.vault_name}."
