"""When cleaning takes the long way, and when it leaves notes for the next time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CleaningRules:
    """All of these are policy: nothing is lost whatever they say.

    ledger_from_points   fewer points are read anew each time: as fast as a ledger
    small_packs          up to so many packs in use, all packs are listed at every cleaning
    cleanings_between    in a bigger repository they are listed at every so-manieth
    """

    ledger_from_points: int = 64
    small_packs: int = 20_000
    cleanings_between: int = 16

    def lists_all(self, packs_in_use: int, cleanings_since: int | None) -> bool:
        """Whether all packs are listed. ``cleanings_since``: ``None`` if nobody knows."""
        return (
            packs_in_use <= self.small_packs
            or cleanings_since is None
            or cleanings_since >= self.cleanings_between
        )
