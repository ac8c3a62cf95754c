"""Whether a repository in a container is immutable, and how long a backup may not be deleted.

docs/behaviour/repositories.md, section 6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kyanite.rules.retention import Age, Flag, expires_at

GENERATION: Final = timedelta(days=10)
"""Locks are extended in steps: what begins within one ends together."""


@dataclass(frozen=True)
class Lock:
    """How long a backup may not be deleted by anybody."""

    until: datetime
    generations: Mapping[Flag, datetime]
    """When the generation began that the machine's next backup of a schedule may be in."""


def lock_of(
    taken_at: datetime,
    flags: Collection[Flag],
    ages: Mapping[Flag, Age],
    begun: Mapping[Flag, datetime],
    zone: ZoneInfo,
) -> Lock | None:
    """The lock of a backup of ``taken_at`` (docs/behaviour/repositories.md, section 6, point 3).

    ``begun``: the generations known from the machine's backup before. ``None`` when no
    retention is set for its flags.
    """
    ends: list[datetime] = []
    generations = dict(begun)
    for flag in Flag:
        age = ages.get(flag)
        if flag not in flags or age is None:
            continue
        start = begun.get(flag)
        if start is None or not timedelta(0) <= _days(start, taken_at, zone) < GENERATION:
            start = taken_at
        generations[flag] = start
        ends.append(expires_at(start, age, zone) + GENERATION)
    return Lock(max(ends), generations) if ends else None


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> timedelta:
    """Days of the calendar between two moments."""
    return end.astimezone(zone).date() - start.astimezone(zone).date()


@dataclass(frozen=True)
class Protection:
    """What account and container do to the blobs of a container."""

    keeps_versions: bool
    """The account keeps versions of its blobs."""
    account_default: bool
    """The account has a retention of its own for every new blob."""
    container_versions: bool
    """The container lets single versions be locked."""
    container_policy: str
    """``ContainerImmutabilityPolicyState``: a retention for every blob of the container."""
    legal_hold: bool

    @property
    def is_immutable(self) -> bool:
        """Whether a repository in the container locks its backups."""
        return self.container_versions


def protection_problem(found: Protection) -> str | None:
    """Why there can be no repository in the container; ``None`` when there can."""
    if found.legal_hold:
        return "The container is under a legal hold, so nothing in it could ever be removed."
    if found.container_policy != "NotPresent":
        return (
            "The container has a time-based retention policy for all its blobs, also for those "
            "that a repository has to remove; choose a container without one."
        )
    if found.account_default:
        return (
            "The storage account has a time-based retention policy for all its blobs, also for "
            "those that a repository has to remove; choose an account without one."
        )
    if found.keeps_versions and not found.container_versions:
        return (
            "The storage account keeps versions of its blobs, so that removed backups would keep "
            "costing. Choose a container with version-level immutability, or an account without "
            "versioning."
        )
    return None
