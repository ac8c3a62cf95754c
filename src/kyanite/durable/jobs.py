"""Which function carries out which kind of job."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from kyanite.base.json_types import JsonObject, JsonValue

if TYPE_CHECKING:
    from kyanite.durable.context import JobContext

JobFunction: TypeAlias = "Callable[[JobContext, JsonObject], JsonValue]"
"""Carries out one job; its answer is stored as the job's result.

It may be called several times for one job, from the start each time: after a kill, a takeover,
a retry. Steps that were finished return what they returned then. Everything outside a step must
be harmless when repeated.
"""


class JobRegistry:
    """The kinds of jobs this build knows, filled when the appliance is wired."""

    def __init__(self) -> None:
        self._functions: dict[str, JobFunction] = {}

    def add(self, kind: str, function: JobFunction) -> None:
        """Let ``function`` carry out jobs of ``kind`` (for instance ``vm.backup``)."""
        if kind in self._functions:
            raise ValueError(f"two functions for jobs of the kind {kind}")
        self._functions[kind] = function

    def find(self, kind: str) -> JobFunction | None:
        """The function for ``kind``; ``None`` when this build knows no such jobs."""
        return self._functions.get(kind)
