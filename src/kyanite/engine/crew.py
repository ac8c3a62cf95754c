"""Threads that take tasks in order, each with a buffer of its own, and stop together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import TypeAlias

from kyanite.engine.randomness import inherited

Task: TypeAlias = Callable[[memoryview], None]


def run_tasks(tasks: Generator[Task, None, None], threads: int, buffer_bytes: int) -> None:
    """Run all tasks; the first failure stops the crew and is raised when all have stopped."""
    crew = _Crew(tasks, buffer_bytes)
    workers = [
        threading.Thread(target=inherited(crew.work), name=f"kyanite-chain-{n}", daemon=True)
        for n in range(threads)
    ]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    finally:
        crew.stop()
    tasks.close()
    crew.raise_failure()


class _Crew:
    def __init__(self, tasks: Generator[Task, None, None], buffer_bytes: int) -> None:
        self._tasks = tasks
        self._buffer_bytes = buffer_bytes
        self._lock = threading.Lock()
        self._stopped = False
        self._failure: BaseException | None = None

    def work(self) -> None:
        buffer = memoryview(bytearray(self._buffer_bytes))
        try:
            while (task := self._next()) is not None:
                task(buffer)
        except BaseException as error:  # carried to the thread that waits for the crew
            with self._lock:
                self._failure = self._failure or error
                self._stopped = True

    def stop(self) -> None:
        with self._lock:
            self._stopped = True

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _next(self) -> Task | None:
        with self._lock:
            return None if self._stopped else next(self._tasks, None)
