"""What the processes below this one use while something runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil


@dataclass
class Watch:
    """Time by the wall and of the processors, and the most memory of the appliance."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch all child processes, and those that come and go meanwhile."""
    watch = Watch()
    seen: dict[int, float] = {}
    begun: dict[int, float] = {}

    def look() -> None:
        appliance = 0
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                times = process.cpu_times()
                seen[process.pid] = times.user + times.system
                begun.setdefault(process.pid, 0.0 if started else seen[process.pid])
                words = " ".join(process.cmdline())
                if "kyanite" in words and "azlab" not in words:
                    appliance += process.memory_info().rss
        watch.peak_bytes = max(watch.peak_bytes, appliance)

    def run() -> None:
        while not watch._ended.wait(0.1):
            look()

    started = False
    look()
    started = True
    thread = threading.Thread(target=run, daemon=True)
    at = time.monotonic()
    thread.start()
    try:
        yield watch
    finally:
        watch.wall_seconds = time.monotonic() - at
        watch._ended.set()
        thread.join()
        look()
        watch.cpu_seconds = sum(seen[pid] - begun.get(pid, 0.0) for pid in seen)
