"""What this appliance remembers of a repository from one night to the next.

A storage that was set back to an older state as a whole is right in itself: every object
authenticates. Only somebody who remembers what had been there can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.repositories.queries import deleted_points, find_upkeep
from kyanite.areas.repositories.tables import UpkeepRow
from kyanite.base.json_types import as_list, as_text
from kyanite.engine.verify import PointState

_REMEMBERED: Final = 64


@dataclass(frozen=True)
class UpkeepResult:
    """What a night has found.

    damaged_objects  that stay damaged after the repair
    hurt_points      that cannot be restored whole
    lost_points      that were there the night before and are gone, and nobody here deleted them
    all_read_on      every pack was read whole on this day or later; ``None``: not all of them yet
    """

    damaged_objects: int = 0
    hurt_points: int = 0
    lost_points: int = 0
    all_read_on: date | None = None


def remembered_points(db: Session, repository_id: str) -> list[str]:
    """The newest points there were when the repository was last looked after."""
    row = find_upkeep(db, repository_id)
    return [as_text(one) for one in as_list(row.newest_points)] if row is not None else []


def lost_points(db: Session, remembered: Sequence[str], there: Iterable[str]) -> list[str]:
    """Points that are remembered, not there, and were not deleted by a session of ours."""
    gone = set(remembered) - set(there)
    return sorted(gone - deleted_points(db, gone))


def remember(
    db: Session,
    repository_id: str,
    states: Sequence[PointState],
    result: UpkeepResult,
    now: datetime,
) -> None:
    """Keep the newest points and the result for the next night and for whoever asks.

    What is gone is reported once; from then on what there is now counts.
    """
    newest = sorted(states, key=lambda one: one.created_at)[-_REMEMBERED:]
    db.merge(
        UpkeepRow(
            repository_id=repository_id,
            newest_points=[one.session_id for one in newest],
            finished_at=now,
            damaged_objects=result.damaged_objects,
            hurt_points=result.hurt_points,
            lost_points=result.lost_points,
            all_read_on=result.all_read_on.isoformat() if result.all_read_on else None,
        )
    )
    db.flush()


def last_upkeep(db: Session, repository_id: str) -> tuple[datetime, UpkeepResult] | None:
    """When a repository was last looked after, and what was found; ``None``: never."""
    row = find_upkeep(db, repository_id)
    if row is None:
        return None
    read_on = date.fromisoformat(row.all_read_on) if row.all_read_on else None
    result = UpkeepResult(row.damaged_objects, row.hurt_points, row.lost_points, read_on)
    return row.finished_at, result
