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

    def uses(
        self, db: Session, ids: Sequence[str]
    ) -> list[tuple[RepositoryFacts, list[PolicyUse]]]:
        """Each repository (none named: all) with the policies that use it; unknown ids are
        left out."""
        return [
            (own, policies_using(db, own.id, self._followers))
            for own in queries.list_repositories(db, ids=ids)
        ]
