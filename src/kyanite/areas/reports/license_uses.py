"""What a licence would count: docs/behaviour/appliance.md, section 6.

The product is free, without limits and without a licence: everything that policies protect is
listed as licensed, and nothing is ever kept from being processed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from kyanite.areas.vm import figures
from kyanite.http.pages import Paging

# A restore point of a policy counts for so long.
COUNTED_FOR: Final = timedelta(days=31)
UNLIMITED: Final = 2**31 - 1
"""The largest number that the contract's member can hold."""
COST_OF_A_MACHINE: Final = 1.0
MACHINE: Final = "Virtual Machine"

_UNITS: Final = UUID("7c6a3c1e-6f0b-5d43-9c55-5a1f0c7b2e19")


@dataclass(frozen=True)
class LicensedUnit:
    """A thing that counts. ``id`` is made of the id of the resource, and always the same."""

    id: str
    name: str
    resource_type: str
    last_backup_at: datetime
    cost: float = COST_OF_A_MACHINE


def count_machines(db: Session, now: datetime, pattern: str | None = None) -> int:
    """How many machines count now."""
    return figures.count_policy_protected(db, now - COUNTED_FOR, pattern)


def units(
    db: Session, now: datetime, pattern: str | None = None, paging: Paging = Paging(limit=-1)
) -> list[LicensedUnit]:
    """The things that count now, by name, then id."""
    found = figures.policy_protected(db, now - COUNTED_FOR, pattern, paging)
    return [
        LicensedUnit(_unit_id(one.machine_id), one.name, MACHINE, one.last_point_at)
        for one in found
    ]


def chosen_units(db: Session, now: datetime, ids: Collection[str] | None) -> Sequence[LicensedUnit]:
    """Those of these ids; None: all."""
    return [one for one in units(db, now) if ids is None or one.id in ids]


def _unit_id(resource_id: str) -> str:
    return str(uuid5(_UNITS, resource_id))
