"""Which policies took unusually long, or short, the last time (docs/behaviour/appliance.md §8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Run:
    """A finished run of a policy, its retries included."""

    policy_id: str
    policy_name: str
    policy_type: str
    session_type: str
    started_at: datetime
    duration: timedelta


@dataclass(frozen=True)
class Deviation:
    """The last run of a policy beside the average of all its runs."""

    last: Run
    average: timedelta

    @property
    def difference(self) -> timedelta:
        """Positive when the last run was slower."""
        return self.last.duration - self.average

    @property
    def percentage(self) -> float:
        """The difference in per cent of the average."""
        if not self.average:
            return 0.0
        return round(100 * (self.difference / self.average), 2)


def deviations(runs: Iterable[Run]) -> list[Deviation]:
    """One for each policy and type of session, the largest first, whichever way."""
    by_policy: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        by_policy[run.policy_id, run.session_type].append(run)
    found = [
        Deviation(
            last=max(some, key=lambda run: run.started_at),
            average=sum((run.duration for run in some), timedelta()) / len(some),
        )
        for some in by_policy.values()
    ]
    return sorted(
        found,
        key=lambda one: (
            -abs(one.percentage),
            one.last.policy_name.lower(),
            one.last.policy_id,
            one.last.session_type,
        ),
    )
