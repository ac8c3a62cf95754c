"""`kyanite worker`: jobs without the API, until SIGTERM."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import structlog

from kyanite.base.settings import Settings
from kyanite.server import logs, wiring

_log = structlog.get_logger()


def work(settings: Settings) -> None:
    """Carry out jobs until SIGTERM or SIGINT, then drain.

    Raises KyaniteError if it cannot start.
    """
    logs.configure(settings.log_level)
    told_to_end = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        told_to_end.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    appliance = wiring.wire(settings)
    appliance.start()
    _log.info("worker ready")
    try:
        told_to_end.wait()
    finally:
        appliance.stop()
