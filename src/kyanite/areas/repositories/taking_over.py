"""Making this appliance the owner of repositories: what is checked before the work begins.

docs/behaviour/repositories.md, section 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import Status, exclusive_key
from kyanite.base.errors import Invalid
from kyanite.durable.start import NewSession, start_session

TAKE_OVER_JOB: Final = "repository.take_over"
_MEMBER: Final = "repositoryIds"


class RepositoryTakeOver:
    """Takes repositories over."""

    def start(self, db: Session, repository_ids: Sequence[str], who: str) -> list[str]:
        """Start one session for each repository; their ids.

        Raises ``Invalid`` when one is not known or cannot be taken over, and ``Conflict`` while
        another session changes one.
        """
        if not repository_ids:
            raise Invalid.member(_MEMBER, "Name at least one repository.")
        found = []
        for repository_id in dict.fromkeys(one.lower() for one in repository_ids):
            own = queries.find_repository(db, repository_id)
            if own is None:
                raise Invalid.member(_MEMBER, f"There is no repository {repository_id}.")
            if own.status is not Status.READY:
                raise Invalid.member(
                    _MEMBER, f"The repository {own.name} is {own.status.value}, not Ready."
                )
            found.append(own)
        return [
            start_session(
                db,
                NewSession(
                    type="RepositoryEdit",
                    job=TAKE_OVER_JOB,
                    payload={"repositoryId": own.id},
                    initiator=who,
                    repository_id=own.id,
                    repository_name=own.name,
                    exclusive_key=exclusive_key(own.id),
                ),
            )
            for own in found
        ]
