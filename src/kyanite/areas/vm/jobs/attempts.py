"""A policy session over several machines: one child for each, and tries again for the failed.

Only scheduled runs try again, ten minutes apart, and only what failed
(docs/behaviour/virtual-machines.md, section 7.14).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.durable.children import Child, ChildOutcome
from kyanite.durable.context import JobContext
from kyanite.rules.sessions import SessionStatus

RETRY_SECONDS: Final = 600


@dataclass(frozen=True)
class MachineResult:
    """How the last attempt at a machine ended."""

    machine_id: str
    attempt: int
    result: JsonValue
    error: str | None

    @property
    def done(self) -> bool:
        """Whether it succeeded."""
        return self.error is None


def over_machines(
    ctx: JobContext,
    machine_ids: Sequence[str],
    child: Callable[[str, int], Child],
    *,
    retries: int,
) -> list[MachineResult]:
    """Run ``child(machine_id, attempt)`` for every machine; again for those that failed.

    Answers in the order of ``machine_ids``. Raises ``Cancelled`` when the session is stopped.
    """
    results: dict[str, MachineResult] = {}
    left = list(machine_ids)
    for attempt in range(1, retries + 2):
        outcomes = ctx.children([child(machine_id, attempt) for machine_id in left])
        for machine_id, outcome in zip(left, outcomes, strict=True):
            results[machine_id] = _result(machine_id, attempt, outcome)
        left = [machine_id for machine_id in left if not results[machine_id].done]
        if not left or attempt > retries:
            break
        ctx.log(
            f"{len(left)} of {len(machine_ids)} machines failed; "
            f"attempt {attempt + 1} begins in {RETRY_SECONDS} seconds",
            SessionStatus.SUCCESS,
            key=f"retry {attempt}",
        )
        ctx.sleep(f"retry {attempt}", RETRY_SECONDS)
    return [results[machine_id] for machine_id in machine_ids]


def child_id(machine_id: str, attempt: int) -> str:
    """Id of the child of an attempt, unique in its session."""
    return f"{machine_id}/{attempt}"


def payload_text(payload: JsonObject, name: str) -> str:
    """A text member that every payload of this kind has."""
    value = payload[name]
    assert isinstance(value, str)
    return value


def _result(machine_id: str, attempt: int, outcome: ChildOutcome) -> MachineResult:
    error = None if outcome.done else outcome.error or "the work was stopped"
    return MachineResult(machine_id, attempt, outcome.result, error)
