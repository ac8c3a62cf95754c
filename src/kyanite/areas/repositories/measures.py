"""How repositories are, as the last night has found it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time

from sqlalchemy.orm import Session

from kyanite.areas.repositories.queries import list_repositories
from kyanite.areas.repositories.upkeep_memory import UpkeepResult, last_upkeep
from kyanite.http.measures import Measure


def measures(db: Session, now: datetime) -> list[Measure]:
    """Of each repository that was looked after: when, and what was found."""
    found = [
        ((one.name, one.id, one.tier), last)
        for one in list_repositories(db)
        if (last := last_upkeep(db, one.id)) is not None
    ]

    def measure(name: str, text: str, of: Callable[[UpkeepResult], float]) -> Measure:
        samples = [(labels, of(result)) for labels, (_, result) in found]
        return Measure(f"kyanite_repository_{name}", text, ("repository", "id", "tier"), samples)

    return [
        Measure(
            "kyanite_repository_upkeep_age_seconds",
            "Time since a repository was last verified and cleaned.",
            ("repository", "id", "tier"),
            [(labels, (now - at).total_seconds()) for labels, (at, _) in found],
        ),
        Measure(
            "kyanite_repository_verified_age_seconds",
            "Everything in a repository was read and found right within this time.",
            ("repository", "id", "tier"),
            [
                (labels, (now - datetime.combine(day, time(), UTC)).total_seconds())
                for labels, (_, result) in found
                if (day := result.all_read_on) is not None
            ],
        ),
        measure(
            "damaged_objects",
            "Objects of a repository that are damaged and that points need.",
            lambda result: float(result.damaged_objects),
        ),
        measure(
            "hurt_restore_points",
            "Restore points that cannot be restored whole.",
            lambda result: float(result.hurt_points),
        ),
        measure(
            "lost_restore_points",
            "Restore points that were there, are gone, and were not deleted by the appliance.",
            lambda result: float(result.lost_points),
        ),
    ]
