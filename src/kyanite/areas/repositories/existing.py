"""Repositories that are there already: may they be registered, and does the password open them?

docs/behaviour/repositories.md, section 5.
"""

from __future__ import annotations

from kyanite.areas.repositories.mark import Mark
from kyanite.base.errors import Conflict, Invalid, WrongKey
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


def open_existing(storage: Storage, mark: Mark | None, password: str) -> EngineRepository:
    """Open a repository by the password given, or by the one its mark holds openly.

    Raises ``Invalid`` with the hint when the password is wrong or missing.
    """
    is_open = mark is not None and not mark.is_encrypted
    if is_open and mark is not None:
        password = mark.open_password
    hint = f" The hint is: {mark.hint}" if mark is not None and mark.hint else ""
    if not password:
        raise Invalid.member(
            "password", f"The repository is encrypted; its password is required.{hint}"
        )
    try:
        return EngineRepository.open(storage, password)
    except WrongKey as error:
        raise Invalid.member(
            "password", f"The password does not open the repository.{hint}"
        ) from error
