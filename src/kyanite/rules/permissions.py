"""Are the rights an account has enough for what it is meant to do?

Evaluation as docs/behaviour/accounts-and-users.md, section 1.6: of each grant the actions
minus the not-actions, the union over all grants, wildcards anywhere, without regard to
case. What one grant refuses another may give.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from kyanite.rules.permission_sets import permission_set

ROLE_ASSIGNMENTS_READ: Final = "Microsoft.Authorization/roleAssignments/read"
"""Without this right no other can be verified (section 1.6, point 3)."""


@dataclass(frozen=True)
class Grant:
    """One entry of the permissions in force at a subscription, as Azure reports them."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


class Sufficiency(StrEnum):
    """``SubscriptionPermissionsState`` of the contract."""

    AVAILABLE_ALL = "AvailableAll"
    AVAILABLE_SUBSET = "AvailableSubset"
    INSUFFICIENT = "Insufficient"


@dataclass(frozen=True)
class PurposeLack:
    """A purpose that does not work, and the rights it lacks."""

    purpose: str
    missing_actions: tuple[str, ...]
    missing_data_actions: tuple[str, ...]


@dataclass(frozen=True)
class PermissionCheck:
    """What an account may do in one subscription, measured against purposes."""

    sufficiency: Sufficiency
    working_purposes: tuple[str, ...]
    lacks: tuple[PurposeLack, ...]

    @property
    def missing_actions(self) -> tuple[str, ...]:
        """Every missing action once, sorted."""
        return _union(lack.missing_actions for lack in self.lacks)

    @property
    def missing_data_actions(self) -> tuple[str, ...]:
        """Every missing data action once, sorted."""
        return _union(lack.missing_data_actions for lack in self.lacks)


def check(grants: Sequence[Grant], purposes: Sequence[str]) -> PermissionCheck:
    """Measure ``grants`` against the permission sets of ``purposes``.

    No purposes: there is nothing to lack, the answer is ``AVAILABLE_ALL``.
    """
    lacks: list[PurposeLack] = []
    working: list[str] = []
    for purpose in purposes:
        needed = permission_set(purpose)
        lack = PurposeLack(
            purpose=purpose,
            missing_actions=tuple(a for a in needed.actions if not allows(grants, a)),
            missing_data_actions=tuple(
                a for a in needed.data_actions if not allows_data(grants, a)
            ),
        )
        if lack.missing_actions or lack.missing_data_actions:
            lacks.append(lack)
        else:
            working.append(purpose)
    return PermissionCheck(_sufficiency(working, lacks), tuple(working), tuple(lacks))


def unverifiable(purposes: Sequence[str]) -> PermissionCheck:
    """The outcome when the rights themselves may not be read: only that right is known to lack."""
    return PermissionCheck(
        sufficiency=Sufficiency.INSUFFICIENT,
        working_purposes=(),
        lacks=tuple(PurposeLack(p, (ROLE_ASSIGNMENTS_READ,), ()) for p in purposes),
    )


def allows(grants: Iterable[Grant], action: str) -> bool:
    """Whether some grant gives the control-plane ``action``."""
    return any(
        _matches_any(g.actions, action) and not _matches_any(g.not_actions, action) for g in grants
    )


def allows_data(grants: Iterable[Grant], action: str) -> bool:
    """Whether some grant gives the data-plane ``action``."""
    return any(
        _matches_any(g.data_actions, action) and not _matches_any(g.not_data_actions, action)
        for g in grants
    )


def _sufficiency(working: Sequence[str], lacks: Sequence[PurposeLack]) -> Sufficiency:
    if not lacks:
        return Sufficiency.AVAILABLE_ALL
    return Sufficiency.AVAILABLE_SUBSET if working else Sufficiency.INSUFFICIENT


def _matches_any(patterns: Iterable[str], action: str) -> bool:
    return any(_pattern(p.lower()).fullmatch(action.lower()) for p in patterns)


@lru_cache(maxsize=4096)  # a full check asks each of ~180 needs against the same few patterns
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")))


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    by_key = {action.lower(): action for group in groups for action in group}
    return tuple(sorted(by_key.values()))
