"""How repositories are looked after at night; one set of settings for all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.settings import read_group, write_group
from kyanite.base.clock import Clock
from kyanite.base.json_types import as_int, as_object

GROUP: Final = "repository_upkeep"


@dataclass(frozen=True)
class UpkeepSettings:
    """The settings; defaults are those of a new appliance.

    enabled     whether anything is done by itself
    verify_days everything stored is read, and compared with what it should be, within so many
                days: a share of it every night
    repack_gib  live data moved in one night out of packs that are mostly waste, at most
    verify_mib_per_second  read at most so fast for that; None: as fast as it goes
    """

    enabled: bool = True
    verify_days: int = 30
    repack_gib: int = 16
    verify_mib_per_second: int | None = None


def upkeep_settings(db: Session) -> UpkeepSettings:
    """What was set, or the defaults."""
    kept = read_group(db, GROUP)
    if kept is None:
        return UpkeepSettings()
    speed = kept.get("verify_mib_per_second")  # older settings have none
    return UpkeepSettings(
        kept["enabled"] is True,
        as_int(kept["verify_days"]),
        as_int(kept["repack_gib"]),
        None if speed is None else as_int(speed),
    )


def keep_upkeep_settings(db: Session, new: UpkeepSettings, clock: Clock) -> None:
    """Replace them."""
    write_group(db, GROUP, as_object(asdict(new)), clock)
