"""May a repository be removed, and starting its removal.

docs/behaviour/repositories.md, section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import (
    SESSION_USER_KIND,
    USED_KIND,
    RepositoryFacts,
    exclusive_key,
)
from kyanite.areas.repositories.followers import Followers
from kyanite.base.errors import Conflict
from kyanite.db.uses import Thing, lock_used, users_of
from kyanite.durable.start import NewSession, start_session

DELETE_JOB: Final = "repository.delete"


@dataclass(frozen=True)
class PolicyUse:
    """A policy that uses a repository."""

    id: str
    name: str
    policy_type: str
    """``PolicyType`` of the contract."""


@dataclass(frozen=True)
class OtherUse:
    """Something else than a policy that keeps a repository."""

    code: str
    """``RepositoryValidateDeleteErrorCode`` of the contract."""
    message: str


@dataclass(frozen=True)
class RepositoryUses:
    """Who uses a repository; it may be removed when nobody does."""

    repository: RepositoryFacts
    policies: Sequence[PolicyUse]
    others: Sequence[OtherUse]


CONFIGURATION_BACKUP_KIND: Final = "configuration-backup"
"""The kind under which the scheduled backup of the configuration stands in the table of uses."""
DATA_RETRIEVAL_KIND: Final = "data-retrieval"
"""The kind under which a retrieval of archived data stands there."""

_OTHERS: Final = {
    CONFIGURATION_BACKUP_KIND: OtherUse(
        "UsedInConfigurationBackupSetting",
        "The scheduled backup of the configuration goes to this repository.",
    ),
    DATA_RETRIEVAL_KIND: OtherUse(
        "HasActiveDataRetrievalTask", "Archived data is being retrieved from this repository."
    ),
}


def uses_of(db: Session, own: RepositoryFacts, followers: Followers) -> RepositoryUses:
    """Everybody in the table of uses who keeps a repository."""
    kinds = {user.kind for user in users_of(db, Thing(USED_KIND, own.id))}
    kinds -= {SESSION_USER_KIND, *(follower.user_kind for follower in followers.all)}
    others = [
        _OTHERS.get(kind, OtherUse("Unknown", f"The repository is used by a {kind}."))
        for kind in sorted(kinds)
    ]
    return RepositoryUses(own, policies_using(db, own.id, followers), others)


def policies_using(db: Session, repository_id: str, followers: Followers) -> list[PolicyUse]:
    """The policies that use a repository, by kind and name."""
    found: list[PolicyUse] = []
    for follower in followers.all:
        users = users_of(db, Thing(USED_KIND, repository_id), user_kind=follower.user_kind)
        ids = [user.id for user in users]
        names = follower.policy_names(db, ids) if ids else {}
        found.extend(PolicyUse(id_, names.get(id_, id_), follower.policy_type) for id_ in ids)
    return sorted(found, key=lambda use: (use.policy_type, use.name.lower(), use.id))


def require_unused(db: Session, repository_id: str, followers: Followers) -> None:
    """Raise ``Conflict`` while anything but a session uses the repository."""
    users = [
        user
        for user in users_of(db, Thing(USED_KIND, repository_id))
        if user.kind != SESSION_USER_KIND
    ]
    if not users:
        return
    names = [use.name for use in policies_using(db, repository_id, followers)]
    who = ", ".join(names) or ", ".join(sorted({user.kind for user in users}))
    raise Conflict(
        f"The repository is used by {who}; choose another repository there first.",
        resource_id=repository_id,
    )


def require_idle(db: Session, repository: RepositoryFacts) -> None:
    """Raise ``Conflict``, naming it, while a session works in the repository."""
    session_id = queries.session_at_work(db, repository.id)
    if session_id is not None:
        raise Conflict(
            f"The session {session_id} works in the repository {repository.name}; "
            "wait for its end or stop it.",
            resource_id=repository.id,
            session_id=session_id,
        )


class RepositoryRemoval:
    """Removes registrations."""

    def __init__(self, followers: Followers) -> None:
        self._followers = followers

    def start(self, db: Session, repository_id: str, initiator: str) -> str:
        """Start the session that removes a repository; returns its id.

        Raises ``NotFound`` and ``Conflict``.
        """
        lock_used(db, [Thing(USED_KIND, repository_id.lower())])
        own = queries.get_repository(db, repository_id)
        require_unused(db, own.id, self._followers)
        require_idle(db, own)
        return start_session(
            db,
            NewSession(
                type="RepositoryDeletion",
                job=DELETE_JOB,
                payload={"repositoryId": own.id},
                initiator=initiator,
                repository_id=own.id,
                repository_name=own.name,
                exclusive_key=exclusive_key(own.id),
            ),
        )

    def uses(self, db: Session, ids: Sequence[str]) -> list[RepositoryUses]:
        """Who uses each repository (none named: all); unknown ids are left out."""
        return [uses_of(db, own, self._followers) for own in queries.list_repositories(db, ids=ids)]
