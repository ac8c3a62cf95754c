"""`GET /metrics`: what Prometheus reads, for those who hold the token in the data folder.

Figures from the database are at most `KEEP_SECONDS` old, so that nobody who asks often makes
it work. How they are named is a promise: docs/howto/watch-with-prometheus.md.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from kyanite.areas.appliance.health import Health
from kyanite.azure.call_counts import call_counts
from kyanite.base.clock import Clock
from kyanite.base.errors import Unauthenticated
from kyanite.base.private_files import require_private_file
from kyanite.db.database import Database
from kyanite.http.measures import Measure, Measures
from kyanite.http.provide import provisions
from kyanite.http.sign_in import bearer_token
from kyanite.http.timing import RequestTimes

_log = logging.getLogger(__name__)

TOKEN_FILE: Final = "metrics.token"
KEEP_SECONDS: Final = 10.0


def ensure_token(folder: Path) -> str:
    """The token in the data folder; made when there is none. Invalid when others may read it."""
    file = folder / TOKEN_FILE
    require_private_file(file)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    token = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(token + "\n")
    return token


class Metrics:
    """Everything there is to say about this appliance in figures."""

    def __init__(
        self,
        token: str,
        version: str,
        database: Database,
        clock: Clock,
        health: Health,
        areas: Sequence[Measures],
    ) -> None:
        assert token, "an empty token would let everybody in"
        self._token = token.encode()
        self._version = version
        self._database, self._clock, self._health = database, clock, health
        self._areas = tuple(areas)
        self._lock = threading.Lock()
        self._known: list[Measure] = []
        self._known_at = float("-inf")

    def admits(self, token: str) -> bool:
        """Whether somebody with this token may read them."""
        return hmac.compare_digest(token.encode(), self._token)

    def text(self, times: RequestTimes) -> bytes:
        """The figures in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(_Once([*self._own(), *map(_family, self._from_database())]))
        return generate_latest(registry) + generate_latest(times.registry)

    def _own(self) -> list[Metric]:
        info = GaugeMetricFamily("kyanite_info", "The version that runs.", labels=["version"])
        info.add_metric([self._version], 1)
        up = GaugeMetricFamily(
            "kyanite_up", "1 when the database answers and the workers of this process run."
        )
        up.add_metric([], float(self._health.is_up()))
        calls = CounterMetricFamily(
            "kyanite_azure_requests",
            "Calls of this process to the Azure Resource Manager, by how they were answered.",
            labels=["result"],
        )
        for result, count in call_counts().items():
            calls.add_metric([result], count)
        return [info, up, calls]

    def _from_database(self) -> list[Measure]:
        with self._lock:
            if time.monotonic() - self._known_at < KEEP_SECONDS:
                return self._known
            try:
                with self._database.reading() as db:
                    now = self._clock.now()
                    found = [one for area in self._areas for one in area(db, now)]
            except SQLAlchemyError as error:
                # `kyanite_up` says so; old figures would not.
                _log.warning("no figures from the database", exc_info=error)
                return []
            self._known, self._known_at = found, time.monotonic()
            return found


async def scrape(request: Request) -> Response:
    """The route. A wrong token is 401, whatever else is wrong."""
    metrics = provisions(request).get(Metrics)
    if not metrics.admits(bearer_token(request)):
        raise Unauthenticated(f"Send the token that is in the file {TOKEN_FILE} of the appliance.")
    times: RequestTimes = request.app.state.request_times
    text = await run_in_threadpool(metrics.text, times)
    headers = {"Cache-Control": "no-store"}
    return Response(text, headers=headers, media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Once(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def _family(measure: Measure) -> Metric:
    family = GaugeMetricFamily(measure.name, measure.meaning, labels=list(measure.labels))
    for labels, value in measure.samples:
        family.add_metric(list(labels), value)
    return family
