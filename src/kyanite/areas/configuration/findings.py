"""What a check found out, in the words of the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kyanite.base.json_types import JsonObject, as_object, as_text


class Verdict(StrEnum):
    """``ConfigurationCheckStatus`` of a line, as far as a check gives it."""

    RUNNING = "Running"
    SUCCESS = "Success"
    VERIFICATION_NEEDED = "VerificationNeeded"
    WARNING = "Warning"
    FAILED = "Failed"


# From the best to the worst; while one line runs, so does the whole.
_ORDER = (Verdict.SUCCESS, Verdict.VERIFICATION_NEEDED, Verdict.WARNING, Verdict.FAILED)
_BY_SEVERITY = {
    "Success": Verdict.SUCCESS,
    "Warning": Verdict.WARNING,
    "Error": Verdict.FAILED,
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``facts``: further members of its item in the answer."""

    subject_id: str
    status: str
    severity: str = "Success"
    message: str | None = None
    facts: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """As it is kept."""
        return {
            "id": self.subject_id,
            "status": self.status,
            "severity": self.severity,
            "message": self.message,
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, kept: JsonObject) -> Finding:
        """What `to_json` has written."""
        message = kept.get("message")
        return cls(
            subject_id=as_text(kept.get("id")),
            status=as_text(kept.get("status")),
            severity=as_text(kept.get("severity")),
            message=message if isinstance(message, str) else None,
            facts=as_object(kept.get("facts")),
        )


@dataclass(frozen=True)
class Outcome:
    """The result of one type of check: a line for people, and what it is about."""

    verdict: Verdict
    result: str
    findings: Sequence[Finding] = ()


Examination = Callable[[], Outcome]
"""One type of check. Raises KyaniteError when it cannot be done at all."""


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on the whole."""
    if Verdict.RUNNING in verdicts:
        return Verdict.RUNNING
    return max(verdicts, key=_ORDER.index, default=Verdict.SUCCESS)


def outcome_of(findings: Sequence[Finding], noun: str) -> Outcome:
    """A line that counts what is wrong with things of a kind."""
    if not findings:
        return Outcome(Verdict.SUCCESS, f"There are no {noun}.", findings)
    wrong = [one for one in findings if one.severity != "Success"]
    verdict = worst([_BY_SEVERITY[one.severity] for one in findings])
    text = (
        f"{len(wrong)} of {len(findings)} {noun} need attention."
        if wrong
        else f"All {noun} are in order ({len(findings)})."
    )
    return Outcome(verdict, text, findings)
