"""Changing repositories: what is checked before the request is answered.

docs/behaviour/repositories.md, section 10.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import get_account
from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import RepositoryFacts, Status, exclusive_key
from kyanite.areas.repositories.key_reference import KeyReference, chosen_key
from kyanite.areas.repositories.new_repository import check_opener
from kyanite.areas.repositories.removal import require_idle
from kyanite.base.errors import Conflict, Invalid
from kyanite.base.json_types import JsonObject
from kyanite.db.secrets import SecretBox
from kyanite.durable.start import NewSession, start_session
from kyanite.rules.naming import repository_name_problem

UPDATE_JOB: Final = "repository.update"


@dataclass(frozen=True)
class RepositoryChange:
    """New settings. ``None`` for ``name``, ``account_id`` and ``enable_encryption`` and an
    empty password leave what is; the other members are the new values."""

    name: str | None
    description: str | None
    account_id: str | None
    concurrency_limit: int | None
    enable_encryption: bool | None
    hint: str | None
    keep_hint: bool
    """The request said nothing about the hint."""
    password: str = field(default="", repr=False)
    key_vault_id: str | None = None
    key_vault_key_uri: str | None = None
    has_consumption_limit: bool = False

    @property
    def names_opener(self) -> bool:
        """Whether there is something new that is to open the repository."""
        return bool(self.password or self.key_vault_key_uri)


class RepositoryEditing:
    """Edits repositories."""

    def __init__(self, secrets: SecretBox) -> None:
        self._secrets = secrets

    def start(self, db: Session, repository_id: str, change: RepositoryChange, who: str) -> str:
        """Start the session that applies ``change``; returns its id.

        Raises ``NotFound``, ``Invalid`` and ``Conflict``.
        """
        row = queries.get_row(db, repository_id)
        own = queries.get_repository(db, repository_id)
        _check_members(own, change)
        if change.account_id and not get_account(db, change.account_id).serves("Repository"):
            raise Invalid.member(
                "azureAccountId", "The service account does not have the purpose Repository."
            )
        if change.name and queries.name_is_taken(db, change.name, except_id=own.id):
            raise Conflict(f"There is a repository named {change.name} already.")
        require_idle(db, own)
        _check_state(own, change)
        account = get_account(db, change.account_id or own.account_id)
        key = None
        if _changes_opener(own, change) and change.key_vault_id and change.key_vault_key_uri:
            key = chosen_key(db, change.key_vault_id, change.key_vault_key_uri, account)
        password = change.password if _changes_opener(own, change) else ""
        row.pending_password_sealed = (
            self._secrets.seal_text(password, row_id=row.id) if password else None
        )
        return start_session(
            db,
            NewSession(
                type="RepositoryEdit",
                job=UPDATE_JOB,
                payload={"repositoryId": own.id, "changes": _settings(own, change, key)},
                initiator=who,
                repository_id=own.id,
                repository_name=own.name,
                exclusive_key=exclusive_key(own.id),
            ),
        )


def _check_members(own: RepositoryFacts, change: RepositoryChange) -> None:
    if change.name is not None and (problem := repository_name_problem(change.name)):
        raise Invalid.member("name", problem)
    if change.has_consumption_limit:
        raise Invalid.member(
            "storageConsumptionLimit", "Only storage vaults have a consumption limit."
        )
    check_opener(change.password, change.key_vault_id, change.key_vault_key_uri)
    if own.is_encrypted and change.enable_encryption is False:
        raise Invalid.member(
            "enableEncryption", "The encryption of a repository cannot be switched off."
        )
    if not own.is_encrypted and change.enable_encryption and not change.names_opener:
        raise Invalid.member(
            "password", "A password or a Key Vault key is required when encryption is enabled."
        )


def _check_state(own: RepositoryFacts, change: RepositoryChange) -> None:
    """What touches the folder needs a repository that is ours and complete."""
    touches = _changes_opener(own, change) or _hint(own, change) != own.hint
    if not touches:
        return
    if own.status is not Status.READY:
        raise Conflict(
            f"The repository {own.name} is not ready; its encryption cannot be changed now.",
            resource_id=own.id,
        )
    if own.has_another_owner:
        raise Conflict(
            f"The repository {own.name} belongs to the appliance {own.owner_name}; "
            "its encryption can be changed only there.",
            resource_id=own.id,
        )


def _changes_opener(own: RepositoryFacts, change: RepositoryChange) -> bool:
    """A password or a key counts for a repository that is encrypted, or is to be."""
    return change.names_opener and (own.is_encrypted or change.enable_encryption is True)


def _hint(own: RepositoryFacts, change: RepositoryChange) -> str | None:
    encrypted = own.is_encrypted or change.enable_encryption is True
    if not encrypted or change.key_vault_key_uri:
        return None  # a hint helps with a password only
    return own.hint if change.keep_hint else change.hint


def _settings(
    own: RepositoryFacts, change: RepositoryChange, key: KeyReference | None
) -> JsonObject:
    """The settings as they are to be. Without a secret: this is stored with the session."""
    return {
        "name": change.name or own.name,
        "description": change.description,
        "accountId": (change.account_id or own.account_id).lower(),
        "concurrencyLimit": change.concurrency_limit,
        "hint": _hint(own, change),
        "key": key.to_json() if key else None,
    }
