"""Running a check beside the request that asked for it, and keeping what it finds.

One check at a time for the whole installation, whichever process runs it. What is kept is in
the database, so every process answers for it, and when the process dies another one goes on
with the lines that are not done (`kyanite.areas.appliance.errands`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.errands import Errand, Errands, Turn, is_open
from kyanite.areas.appliance.settings import read_group, write_group
from kyanite.areas.configuration.findings import Examination, Finding, Outcome, Verdict, worst
from kyanite.base.clock import Clock
from kyanite.base.errors import Conflict, Invalid, KyaniteError
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, as_texts
from kyanite.db.database import Database

_log = logging.getLogger(__name__)

GROUP: Final = "configuration_check"
ALL: Final = (
    "AzureAccounts",
    "WorkerConfiguration",
    "Repositories",
    "RepositoriesEncryption",
    "RepositoriesOwnership",
    "PortalUsers",
    "SsoUsers",
)
ALL_PRIVATE: Final = "AllPrivateDeployment"
TITLES: Final = {
    "AzureAccounts": "Azure service accounts",
    "WorkerConfiguration": "Worker configurations",
    "Repositories": "Repositories",
    "RepositoriesEncryption": "Encryption of repositories",
    "RepositoriesOwnership": "Owners of repositories",
    "PortalUsers": "Users with a second factor",
    "SsoUsers": "Single sign-on",
    ALL_PRIVATE: "Private deployment",
}
ERRAND: Final = "configuration check"
_INTERRUPTED: Final = "The check was interrupted; start it again."


@dataclass(frozen=True)
class Line:
    """One type of check, done or not."""

    type: str
    verdict: Verdict
    result: str | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class CheckReport:
    """The running or last check."""

    began: datetime
    lines: tuple[Line, ...]

    @property
    def verdict(self) -> Verdict:
        """That on the whole."""
        return worst([line.verdict for line in self.lines])

    def line(self, check_type: str) -> Line | None:
        """The line of a type; None if that was not asked for."""
        return next((line for line in self.lines if line.type == check_type), None)

    def with_line(self, done: Line) -> CheckReport:
        """The report with that line in the place of the one of its type."""
        lines = tuple(done if line.type == done.type else line for line in self.lines)
        return replace(self, lines=lines)


def last_report(db: Session) -> CheckReport | None:
    """The running or last check; None before the first."""
    kept = read_group(db, GROUP)
    if kept is None:
        return None
    lost = not is_open(db, ERRAND)
    return CheckReport(
        datetime.fromisoformat(as_text(kept["began"])),
        tuple(_line(as_object(one), lost) for one in as_list(kept["lines"])),
    )


def _line(kept: JsonObject, lost: bool) -> Line:
    verdict, result = Verdict(as_text(kept["verdict"])), kept.get("result")
    if lost and verdict is Verdict.RUNNING:
        return Line(as_text(kept["type"]), Verdict.FAILED, _INTERRUPTED)
    return Line(
        as_text(kept["type"]),
        verdict,
        result if isinstance(result, str) else None,
        tuple(Finding.from_json(as_object(one)) for one in as_list(kept["findings"])),
    )


@dataclass(frozen=True)
class ConfigurationCheck:
    """Runs checks. ``examinations`` has one for each type."""

    database: Database
    clock: Clock
    errands: Errands
    examinations: Mapping[str, Examination]

    def __post_init__(self) -> None:
        self.errands.add(ERRAND, Errand(self._run, self._give_up))

    def start(self, types: Sequence[str]) -> threading.Thread:
        """Begin a check of these types (none: all); the thread ends with the check.

        Raises Invalid while another check runs.
        """
        lines = tuple(Line(one, Verdict.RUNNING, None) for one in _in_order(types))
        with self.database.writing() as db:
            try:
                turn = self.errands.ask(db, ERRAND, {})
            except Conflict as error:
                raise Invalid(
                    "A configuration check is running; wait until it has ended."
                ) from error
            self._keep(db, CheckReport(self.clock.now(), lines))
        return self.errands.begin(turn)

    def _run(self, turn: Turn) -> None:
        while True:
            with turn.writing() as db:
                report = last_report(db)
                waiting = [] if report is None else _not_done(report)
                if not waiting:
                    turn.end(db)
                    return
            outcome = self._examine(waiting[0])
            done = Line(waiting[0], outcome.verdict, outcome.result, tuple(outcome.findings))
            with turn.writing() as db:
                assert report is not None
                self._keep(db, report.with_line(done))

    def _give_up(self, turn: Turn) -> None:
        """Lines that are not done read as failed from now on."""
        with turn.writing() as db:
            turn.end(db)

    def _examine(self, check_type: str) -> Outcome:
        try:
            return self.examinations[check_type]()
        except KyaniteError as error:
            _log.warning("configuration check failed", extra={"check": check_type}, exc_info=error)
            return Outcome(Verdict.FAILED, str(error))

    def _keep(self, db: Session, report: CheckReport) -> None:
        kept: JsonObject = {
            "began": report.began.isoformat(),
            "lines": [
                {
                    "type": line.type,
                    "verdict": line.verdict.value,
                    "result": line.result,
                    "findings": [one.to_json() for one in line.findings],
                }
                for line in report.lines
            ],
        }
        write_group(db, GROUP, kept, self.clock)


def _not_done(report: CheckReport) -> list[str]:
    return [line.type for line in report.lines if line.verdict is Verdict.RUNNING]


def _in_order(types: Sequence[str]) -> tuple[str, ...]:
    """The types once each; private deployment needs the others too."""
    if ALL_PRIVATE in types:
        return (*ALL, ALL_PRIVATE)
    return tuple(one for one in ALL if one in as_texts(list(types))) or ALL
