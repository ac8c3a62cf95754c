"""Accidents on demand: errors, delays, broken connections, held requests, slow networks.

Each request asks once for its `Plan`. All faults that match are joined: waits add up, lines are
all passed, and the first one that says so decides about status, drop, hold and failOperation.
A rule's method may name several (`PUT|POST|DELETE`).
"""

import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    WrongShape,
    flag_at,
    integer_at,
    number_at,
    text_at,
)
from azlab.core.shaping import UNSHAPED, Pacer, Shape

Hold: TypeAlias = Literal["", "before", "after"]

_MEMBERS = {
    "method",
    "path",
    "times",
    "skip",
    "status",
    "code",
    "message",
    "retryAfter",
    "delaySeconds",
    "drop",
    "failOperation",
    "hold",
    "applyAfterDisconnect",
    "latencyMs",
    "bytesPerSecond",
    "totalBytesPerSecond",
}
_POLL_SECONDS = 0.05  # how often a held request looks whether its client is still there


@dataclass(frozen=True)
class FaultRule:
    """What one POST to the control interface asks for. Defaults change nothing."""

    method: str = ""
    """Which methods are struck; several with `|`, empty for all."""
    path: str = ""
    """A regular expression, searched in the URL path without the query, regardless of case."""
    times: int | None = None
    """How often it strikes; None until it is cleared."""
    skip: int = 0
    """So many matching requests pass first."""
    status: int | None = None
    """Answered instead of applying the request, with `code`, `message` and `Retry-After`."""
    code: str = ""
    message: str = ""
    retry_after_seconds: float | None = None
    delay_seconds: float = 0.0
    """Waited before anything else happens."""
    drop: bool = False
    """The connection breaks in the middle of the request's body (which is then not applied), or,
    when it has none, in the middle of the answer's (it is applied then)."""
    fail_operation: str = ""
    """The long-running operation is accepted and ends `Failed` with this code."""
    hold: Hold = ""
    """Kept waiting before it is applied, or applied and its answer kept back, until the fault is
    deleted."""
    apply_after_disconnect: bool = False
    """A request held before whose client has gone meanwhile never arrived; with this it arrives
    late."""
    latency_ms: float = 0.0
    """Paid by each request, before it is applied."""
    bytes_per_second: float = 0.0
    """The rate of each connection, for the bodies in both directions together."""
    total_bytes_per_second: float = 0.0
    """The rate of all connections together."""


@dataclass
class HeldRequest:
    """One request that waits at a fault."""

    method: str
    path: str
    when: Hold


@dataclass
class Fault:
    """A rule at work. Guarded by the lock of Faults."""

    rule: FaultRule
    body: JsonObject
    pattern: re.Pattern[str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    matched: int = 0
    struck: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    held: list[HeldRequest] = field(default_factory=list)
    total: Pacer | None = None

    def to_json(self) -> JsonObject:
        """As GET lists it."""
        held: list[JsonValue] = [
            {"method": one.method, "path": one.path, "hold": one.when} for one in self.held
        ]
        return {
            "id": self.id,
            **self.body,
            "matched": self.matched,
            "struck": self.struck,
            "held": held,
        }


@dataclass
class Plan:
    """What is to happen to one request."""

    delay_seconds: float = 0.0
    error: FaultRule | None = None
    drop: bool = False
    fail_operation: str | None = None
    hold_before: list[Fault] = field(default_factory=list)
    hold_after: list[Fault] = field(default_factory=list)
    shape: Shape = UNSHAPED


NOTHING = Plan()


def parse_rule(body: JsonObject) -> FaultRule:
    """Read a fault; WrongShape names what is wrong with it. Unknown members are refused."""
    if unknown := sorted(set(body) - _MEMBERS):
        raise WrongShape(f"A fault has no member '{unknown[0]}'.")
    hold = text_at(body, "hold")
    if hold not in ("", "before", "after"):
        raise WrongShape('The member \'hold\' must be "before" or "after".')
    times = integer_at(body, "times")
    status = integer_at(body, "status")
    if status is not None and not 400 <= status <= 599:
        raise WrongShape("The member 'status' must be between 400 and 599.")
    numbers = {
        name: number_at(body, name)
        for name in (
            "skip",
            "retryAfter",
            "delaySeconds",
            "latencyMs",
            "bytesPerSecond",
            "totalBytesPerSecond",
        )
    }
    for name, value in numbers.items():
        if value is not None and value < 0:
            raise WrongShape(f"The member '{name}' must not be negative.")
    if times is not None and times < 0:
        raise WrongShape("The member 'times' must not be negative.")
    return FaultRule(
        method=text_at(body, "method").upper(),
        path=text_at(body, "path"),
        times=times,
        skip=integer_at(body, "skip") or 0,
        status=status,
        code=text_at(body, "code"),
        message=text_at(body, "message"),
        retry_after_seconds=numbers["retryAfter"],
        delay_seconds=numbers["delaySeconds"] or 0.0,
        drop=flag_at(body, "drop") or False,
        fail_operation=text_at(body, "failOperation"),
        hold="before" if hold == "before" else "after" if hold == "after" else "",
        apply_after_disconnect=flag_at(body, "applyAfterDisconnect") or False,
        latency_ms=numbers["latencyMs"] or 0.0,
        bytes_per_second=numbers["bytesPerSecond"] or 0.0,
        total_bytes_per_second=numbers["totalBytesPerSecond"] or 0.0,
    )


class Faults:
    """The faults that are set now; they live in memory, a restarted lab has none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, body: JsonObject) -> JsonObject:
        """Set one more fault. WrongShape when it makes no sense."""
        rule = parse_rule(body)
        try:
            pattern = re.compile(rule.path, re.IGNORECASE)
        except re.error as error:
            raise WrongShape(f"The member 'path' is no regular expression: {error}.") from error
        fault = Fault(rule, body, pattern)
        if rule.total_bytes_per_second:
            fault.total = Pacer(rule.total_bytes_per_second)
        with self._lock:
            self._faults.append(fault)
            return fault.to_json()

    def clear(self) -> int:
        """Remove all faults and let every held request go on; how many there were."""
        with self._lock:
            gone, self._faults = self._faults, []
        for fault in gone:
            fault.released.set()
        return len(gone)

    def remove(self, fault_id: str) -> bool:
        """Remove one fault; False when it is not there."""
        with self._lock:
            found = next((one for one in self._faults if one.id == fault_id), None)
            if found is None:
                return False
            self._faults.remove(found)
        found.released.set()
        return True

    def to_json(self) -> list[JsonValue]:
        """Every fault with how often it struck and what it holds now."""
        with self._lock:
            return [fault.to_json() for fault in self._faults]

    def plan(self, method: str, path: str, lines: dict[str, Pacer]) -> Plan:
        """What happens to this request. `lines` are the pacers of its connection, by fault."""
        if not self._faults:
            return NOTHING
        plan = Plan()
        pacers: list[Pacer] = []
        with self._lock:
            for fault in self._faults:
                if self._strikes(fault, method, path):
                    _join(plan, fault, pacers, lines)
        plan.shape = Shape(pacers)
        return plan

    @staticmethod
    def _strikes(fault: Fault, method: str, path: str) -> bool:
        rule = fault.rule
        if rule.method and method not in rule.method.split("|"):
            return False
        if not fault.pattern.search(path):
            return False
        fault.matched += 1
        if fault.matched <= rule.skip:
            return False
        if rule.times is not None and fault.struck >= rule.times:
            return False
        fault.struck += 1
        return True

    def hold(self, fault: Fault, held: HeldRequest, gone: Callable[[], bool]) -> bool:
        """Wait until the fault is deleted; whether the client is still there by then."""
        with self._lock:
            fault.held.append(held)
        try:
            while not fault.released.wait(_POLL_SECONDS):
                if gone():
                    # Goes on being listed: a test kills the client and then looks what was held.
                    fault.released.wait()
                    return False
            return not gone()
        finally:
            with self._lock:
                fault.held.remove(held)


def _join(plan: Plan, fault: Fault, pacers: list[Pacer], lines: dict[str, Pacer]) -> None:
    rule = fault.rule
    plan.delay_seconds += rule.delay_seconds + rule.latency_ms / 1000
    if rule.status is not None and plan.error is None:
        plan.error = rule
    plan.drop = plan.drop or rule.drop
    if rule.fail_operation and plan.fail_operation is None:
        plan.fail_operation = rule.fail_operation
    if rule.hold == "before":
        plan.hold_before.append(fault)
    elif rule.hold == "after":
        plan.hold_after.append(fault)
    if fault.total is not None:
        pacers.append(fault.total)
    if rule.bytes_per_second:
        line = lines.get(fault.id)
        if line is None:
            line = lines[fault.id] = Pacer(rule.bytes_per_second)
        pacers.append(line)
