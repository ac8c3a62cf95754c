"""How long requests take and how they are answered, by operation."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kyanite.contract.operation import Operation

# Lists are promised within 30 ms, exact totals within 250; Azure may take seconds.
BUCKETS_SECONDS: Final = (0.005, 0.01, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Whoever asks for what does not exist makes no series of their own.
NO_OPERATION: Final = "none"


class RequestTimes:
    """The counts of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "kyanite_http_request_duration_seconds",
            "From the request to the end of its answer, by operation.",
            ("operation",),
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._answers = Counter(
            "kyanite_http_requests",
            "Requests by operation and status of the answer.",
            ("operation", "status"),
            registry=self.registry,
        )

    def took(self, operation: str, status: int, seconds: float) -> None:
        """One request has been answered."""
        self._series(operation, status)(seconds)

    @functools.cache  # noqa: B019 - there is one of these in a process; finding series is slow
    def _series(self, operation: str, status: int) -> Callable[[float], None]:
        duration = self._seconds.labels(operation)
        answers = self._answers.labels(operation, str(status))

        def took(seconds: float) -> None:
            duration.observe(seconds)
            answers.inc()

        return took


class Timing:
    """ASGI middleware next to the routes: they leave in the scope which operation it was."""

    def __init__(self, app: ASGIApp, times: RequestTimes) -> None:
        self._app, self._times = app, times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            operation = getattr(scope.get("kyanite.route"), "operation", None)
            name = operation.operation_id if isinstance(operation, Operation) else NO_OPERATION
            self._times.took(name, status, time.perf_counter() - began)
