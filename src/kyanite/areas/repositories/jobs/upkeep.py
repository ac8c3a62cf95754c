"""The job ``repository.upkeep``: what a repository needs every night.

Look at a share of everything that is stored, and say what is wrong; refill what can be had from
other copies; give back what is not needed, and move what is live out of packs that are mostly
waste; extend locks. Every step may be repeated, and the engine does all of it beside backups and
restores. Payload: ``repositoryId``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from kyanite.areas.repositories.facts import RepositoryFacts
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.queries import oldest_work
from kyanite.areas.repositories.upkeep_memory import (
    UpkeepResult,
    lost_points,
    remember,
    remembered_points,
)
from kyanite.areas.repositories.upkeep_settings import UpkeepSettings, upkeep_settings
from kyanite.base.json_types import JsonObject, as_text
from kyanite.base.units import GIB, MIB, format_bytes
from kyanite.durable.context import JobContext
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.storage.throttled import Bandwidth
from kyanite.engine.verify import Damage, Level, VerifyReport
from kyanite.rules.sessions import SessionStatus

_LEFT_OVER: Final = timedelta(days=7)

_PAID_AT_ONCE_BYTES: Final = MIB

_MOST_LINES: Final = 20
"""Damaged objects named one by one in the log; the others are counted."""


class LookAfterRepository:
    """The job."""

    def __init__(self, tools: RepositoryTools) -> None:
        self._tools = tools

    def __call__(self, ctx: JobContext, payload: JsonObject) -> None:
        """Carry out the job."""
        own, _ = self._tools.load(ctx, as_text(payload.get("repositoryId")))
        with ctx.database.reading() as db:
            settings = upkeep_settings(db)
            remembered = remembered_points(db, own.id)
        engine = self._tools.access.open_for_writing(own.id, check=ctx.check)
        _Night(ctx, self._tools, own, engine, settings).run(remembered)


@dataclass(frozen=True)
class _Watched:
    """The engine's ``Control``: the session can be stopped, and reading kept to a bandwidth."""

    ctx: JobContext
    receiving: Bandwidth | None = None

    def advance(self, read: int = 0, processed: int = 0, stored: int = 0) -> None:
        del processed, stored
        if self.receiving is None:
            return
        for start in range(0, read, _PAID_AT_ONCE_BYTES):
            self.ctx.check()
            self.receiving.take(min(_PAID_AT_ONCE_BYTES, read - start))

    def check(self) -> None:
        self.ctx.check()


@dataclass(frozen=True)
class _Night:
    ctx: JobContext
    tools: RepositoryTools
    own: RepositoryFacts
    engine: Repository
    settings: UpkeepSettings

    def run(self, remembered: Sequence[str]) -> None:
        report = self._verify()
        lost = self._lost(remembered, report)
        hurt = self._healed(report)
        if not lost:  # else what is there is evidence
            self._give_back()
            if self.own.immutability_enabled:
                self._lock()
        result = UpkeepResult(
            len(report.damages) if hurt else 0, len(hurt), len(lost), _all_read_on(report)
        )
        with self.ctx.transaction() as db:
            for follower in self.tools.followers.all:
                follower.show_hurt(db, self.own.id, hurt)
            remember(db, self.own.id, report.states, result, self.ctx.clock.now())

    def _verify(self) -> VerifyReport:
        text = f"Verifying {self.own.name}"
        with self.ctx.line(text) as line:
            speed = self.settings.verify_mib_per_second
            receiving = None if speed is None else Bandwidth(speed * MIB)
            report = self.engine.verify(
                Level.ROLLING, _Watched(self.ctx, receiving), self.settings.verify_days
            )
            self.engine.remember(report)
            line.end(
                SessionStatus.SUCCESS,
                f"{text}: {report.points} restore points; {format_bytes(report.bytes_read)} of "
                f"{format_bytes(report.pack_bytes)} were read, everything is within "
                f"{self.settings.verify_days} days",
            )
        return report

    def _lost(self, remembered: Sequence[str], report: VerifyReport) -> list[str]:
        """Points that were there the night before, and that nobody here has deleted."""
        there = {one.session_id for one in report.states} | _hurt_by(report.damages)
        with self.ctx.database.reading() as db:
            lost = lost_points(db, remembered, there)
        if lost:
            self.ctx.log(
                f"{len(lost)} restore points that were in {self.own.name} are gone, and no "
                "session of this appliance has deleted them: the storage was set back to an "
                "older state, or somebody has removed them. Nothing is cleaned tonight. "
                f"They are: {', '.join(lost[:_MOST_LINES])}",
                SessionStatus.ERROR,
                key="lost points",
            )
        return lost

    def _healed(self, report: VerifyReport) -> set[str]:
        """Refill from other copies what is damaged; the points that stay hurt."""
        hurt = _hurt_by(report.damages)
        if not hurt and not self.engine.holes():
            for damage in report.damages:  # of nothing that a point needs
                self.ctx.warn(f"{damage.name}: {damage.reason}", key=damage.name)
            return set()
        text = "Refilling what is damaged from other copies"
        with self.ctx.line(text) as line:
            done = repair(self.engine, control=_Watched(self.ctx))
            line.end(
                SessionStatus.SUCCESS,
                f"{text}: {done.refilled} pieces of {done.repaired_packs} packs",
            )
        again = self.engine.verify(Level.PRESENT, _Watched(self.ctx))
        hurt = set(done.holes) | _hurt_by(again.damages)
        self._tell(report.damages, hurt)
        self._list_checked(report, hurt)
        return hurt

    def _tell(self, damages: Sequence[Damage], hurt: Collection[str]) -> None:
        status = SessionStatus.ERROR if hurt else SessionStatus.WARNING
        for damage in damages[:_MOST_LINES]:
            points = {one.session_id for one in damage.hurts}
            self.ctx.log(
                f"{damage.name}: {damage.reason} {len(points)} restore points need it",
                status,
                key=damage.name,
            )
        if len(damages) > _MOST_LINES:
            more = len(damages) - _MOST_LINES
            self.ctx.log(f"{more} more objects are damaged", status, key="more damages")
        self.ctx.log(
            f"{len(hurt)} restore points cannot be restored whole; the next backups of their "
            "machines store anew what they still have"
            if hurt
            else "All restore points can be restored whole again",
            status,
            key="hurt points",
        )

    def _list_checked(self, report: VerifyReport, hurt: Collection[str]) -> None:
        """The machines that are concerned, for ``checkedItems``."""
        machines = {one.machine_id: one.label for one in report.states}
        totals = Counter(one.machine_id for one in report.states)
        wrong = Counter(one.machine_id for one in report.states if one.session_id in hurt)
        for machine_id, count in wrong.items():
            self.ctx.checked(
                machine_id,
                name=machines[machine_id],
                detail={
                    "status": "Error",
                    "error": f"{count} restore points cannot be restored whole",
                    "totalRestorePoints": totals[machine_id],
                    "corruptedRestorePoints": count,
                },
            )

    def _give_up_leftovers(self) -> None:
        """End writing sessions that nobody will end: they would keep packs alive for ever.

        Those of a job that could not reach the repository when it failed, for example. What
        an operator copies by hand has days to come to its end.
        """
        with self.ctx.database.reading() as db:
            oldest = oldest_work(db)
        limit = self.ctx.clock.now() - _LEFT_OVER
        if oldest is not None:
            limit = min(limit, oldest)
        given_up = [
            one
            for one in self.engine.sessions_opened_before(limit)
            if self.engine.abandon_session(one, "nobody works on it any more")
        ]
        if given_up:
            self.ctx.log(
                f"{len(given_up)} writing sessions that nobody works on any more were given up",
                key="given up",
            )

    def _give_back(self) -> None:
        self._give_up_leftovers()
        text = "Giving back space that is not needed"
        with self.ctx.line(text) as line:
            control = _Watched(self.ctx)
            moved = self.engine.repack(budget_bytes=self.settings.repack_gib * GIB, control=control)
            self.engine.tidy_index()
            report = self.engine.clean(control)
            parts = [f"{format_bytes(report.freed_bytes)} in {report.deleted_packs} packs"]
            if moved.moved_packs:
                parts.append(
                    f"{format_bytes(moved.moved_bytes)} moved out of {moved.moved_packs} packs"
                )
            if report.waiting_for:
                parts.append(f"more when {len(report.waiting_for)} sessions have ended")
            if report.locked_packs:
                parts.append(f"{report.locked_packs} packs are locked")
            line.end(SessionStatus.SUCCESS, f"{text}: {'; '.join(parts)}")

    def _lock(self) -> None:
        text = "Extending locks"
        with self.ctx.line(text) as line:
            report = self.engine.lock(control=_Watched(self.ctx))
            ends = {one.session_id: one.protected_until for one in report.points}
            with self.ctx.transaction() as db:
                for follower in self.tools.followers.all:
                    follower.show_locks(db, self.own.id, ends)
            line.end(SessionStatus.SUCCESS, f"{text}: {report.extended} objects")
        for one in report.drift[:_MOST_LINES]:
            found = one.found.isoformat() if one.found else "never"
            self.ctx.log(
                f"{one.name} is "
                + ("missing" if one.missing else f"locked until {found}")
                + f", and should be until {one.wanted.isoformat()}",
                SessionStatus.ERROR,
                key=f"drift {one.name}",
            )
        for name in report.overwritten[:_MOST_LINES]:
            self.ctx.log(
                f"Somebody has written over {name}; its older version is there still",
                SessionStatus.ERROR,
                key=f"overwritten {name}",
            )


def _hurt_by(damages: Sequence[Damage]) -> set[str]:
    return {one.session_id for damage in damages for one in damage.hurts}


def _all_read_on(report: VerifyReport) -> date | None:
    days = [one.read_on for one in report.states]
    known = [day for day in days if day is not None]
    return min(known) if known and len(known) == len(days) else None
