"""Running a check beside the request that asked for it, and keeping what it finds.

One check at a time for the whole installation, whichever process runs it. What is kept is in
the database, so every process answers for it; a check whose process died stops being alive
and reads as failed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.settings import read_group, write_group
from kyanite.areas.configuration.findings import Examination, Finding, Outcome, Verdict, worst
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid, KyaniteError
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, as_texts
from kyanite.db.database import Database
from kyanite.db.locks import lock

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
# One type of check with all its patience for Azure takes a few minutes.
ALIVE: Final = timedelta(minutes=15)
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


def last_report(db: Session, now: datetime) -> CheckReport | None:
    """The running or last check; None before the first."""
    kept = read_group(db, GROUP)
    if kept is None:
        return None
    lost = now > datetime.fromisoformat(as_text(kept["alive_until"]))
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
    examinations: Mapping[str, Examination]

    def start(self, types: Sequence[str]) -> threading.Thread:
        """Begin a check of these types (none: all); the thread ends with the check.

        Raises Invalid while another check runs.
        """
        wanted = _in_order(types)
        now, check_id = self.clock.now(), new_id()
        lines = {one: Line(one, Verdict.RUNNING, None) for one in wanted}
        with self.database.writing() as db:
            lock(db, GROUP)
            running = last_report(db, now)
            if running is not None and running.verdict is Verdict.RUNNING:
                raise Invalid("A configuration check is running; wait until it has ended.")
            self._keep(db, check_id, now, lines)
        thread = threading.Thread(
            target=self._run,
            args=(check_id, now, lines),
            name="configuration check",
            daemon=True,
        )
        thread.start()
        return thread

    def _run(self, check_id: str, began: datetime, lines: dict[str, Line]) -> None:
        for check_type in list(lines):
            outcome = self._examine(check_type)
            lines[check_type] = Line(
                check_type, outcome.verdict, outcome.result, tuple(outcome.findings)
            )
            with self.database.writing() as db:
                lock(db, GROUP)
                kept = read_group(db, GROUP) or {}
                if kept.get("id") != check_id:
                    return  # it took too long, and somebody has begun another one
                self._keep(db, check_id, began, lines)

    def _examine(self, check_type: str) -> Outcome:
        try:
            return self.examinations[check_type]()
        except KyaniteError as error:
            _log.warning("configuration check failed", extra={"check": check_type}, exc_info=error)
            return Outcome(Verdict.FAILED, str(error))

    def _keep(self, db: Session, check_id: str, began: datetime, lines: Mapping[str, Line]) -> None:
        kept: JsonObject = {
            "id": check_id,
            "began": began.isoformat(),
            "alive_until": (self.clock.now() + ALIVE).isoformat(),
            "lines": [
                {
                    "type": line.type,
                    "verdict": line.verdict.value,
                    "result": line.result,
                    "findings": [one.to_json() for one in line.findings],
                }
                for line in lines.values()
            ],
        }
        write_group(db, GROUP, kept, self.clock)


def _in_order(types: Sequence[str]) -> tuple[str, ...]:
    """The types once each; private deployment needs the others too."""
    if ALL_PRIVATE in types:
        return (*ALL, ALL_PRIVATE)
    return tuple(one for one in ALL if one in as_texts(list(types))) or ALL
