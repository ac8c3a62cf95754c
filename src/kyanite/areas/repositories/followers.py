"""Areas above that keep things per repository: restore points, policies.

They register here when the appliance is wired; nothing in this area asks upwards.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from kyanite.engine.point import Point


class RepositoryFollower(Protocol):
    """What a workload offers to the life of a repository."""

    @property
    def user_kind(self) -> str:
        """The kind under which its policies stand in the table of uses."""
        ...

    @property
    def policy_type(self) -> str:
        """``PolicyType`` of the contract for those policies."""
        ...

    def policy_names(self, db: Session, policy_ids: Collection[str]) -> Mapping[str, str]:
        """Names of policies by id; those it does not know are left out."""
        ...

    def import_points(self, db: Session, repository_id: str, points: Sequence[Point]) -> int:
        """Enter those of ``points`` that are its own and not known yet; how many they were."""
        ...

    def show_locks(
        self, db: Session, repository_id: str, ends: Mapping[str, datetime | None]
    ) -> None:
        """Show until when points are locked, by their ids, as the storage says."""
        ...

    def show_hurt(self, db: Session, repository_id: str, hurt: Collection[str]) -> None:
        """These of its points cannot be restored whole; all others in the repository can."""
        ...

    def known_points(self, db: Session, repository_id: str) -> set[str]:
        """The engine's ids of the points that are entered for a repository."""
        ...

    def forget_gone(self, db: Session, repository_id: str, point_ids: Collection[str]) -> int:
        """Drop what is known of points that are not in the repository any more; how many."""
        ...

    def writing_sessions(self, db: Session, repository_id: str) -> set[str]:
        """The engine's ids of the sessions that jobs of this workload may still write."""
        ...

    def forget_points(self, db: Session, repository_id: str) -> None:
        """The repository is removed from the appliance: drop what is known of its points."""
        ...


@dataclass(frozen=True)
class Followers:
    """All of them, as one thing to be provided."""

    all: tuple[RepositoryFollower, ...] = ()
