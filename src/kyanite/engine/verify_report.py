"""What verifying says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet


class Level(Enum):
    """How deep to look."""

    PRESENT = "present"
    SAMPLE = "sample"
    ROLLING = "rolling"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Hurt:
    """A place of a point that cannot be restored."""

    session_id: str
    label: str
    disk_id: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is wrong: the object, a sentence, and what it hurts."""

    name: str
    reason: str
    hurts: tuple[Hurt, ...] = ()


@dataclass(frozen=True, slots=True)
class PointState:
    """A point. ``read_on``: every pack it needs was read whole then or later; else ``None``."""

    session_id: str
    machine_id: str
    label: str
    created_at: str
    hurt: bool
    read_on: date | None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """``damages`` is empty if everything that was looked at is right.

    states     of every point that can be read, oldest first
    read_on    when each pack that is there was last read whole and found right
    read_now   packs that were read in this run and are right
    bad_packs  missing, or not what they should be: not to be shared from
    pack_bytes of all packs together
    """

    level: Level
    points: int
    packs: int
    chunks_opened: int
    bytes_read: int
    damages: tuple[Damage, ...]
    states: tuple[PointState, ...] = ()
    read_on: dict[PackNumber, date] = field(default_factory=dict, repr=False)
    read_now: PackSet = field(default_factory=PackSet, repr=False)
    bad_packs: PackSet = field(default_factory=PackSet, repr=False)
    pack_bytes: int = 0
