"""Doing independent things at the same time.

The standard library's pools do the same and more; importing them takes as long as a small
backup has to wait for its storage.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final, Generic, TypeVar, overload

from kyanite.engine.randomness import inherited

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")

# Small reads over a network wait most of the time; more would only pile up in the storage.
READS_AT_ONCE: Final = 8


class _Job(Generic[_Result]):
    """A function that is run once, by whoever takes it."""

    def __init__(self, function: Callable[[], _Result]) -> None:
        self._function = function
        self._ended = threading.Lock()
        self._ended.acquire()
        self._result: list[_Result] = []
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._result.append(self._function())
        except BaseException as error:  # raised again by whoever asks for the result
            self._failure = error
        finally:
            self._ended.release()

    def result(self) -> _Result:
        """Waits for the end. Raises what the function has raised."""
        with self._ended:
            if self._failure is not None:
                raise self._failure
            return self._result[0]


class _Crew:
    """Threads, started as they are needed, that run jobs in their order."""

    def __init__(self, threads: int, name: str) -> None:
        self._most = threads
        self._name = name
        self._jobs: deque[_Job[object]] = deque()
        self._changed = threading.Condition()
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._closed = False

    def add(self, job: _Job[_Result]) -> _Job[_Result]:
        with self._changed:
            self._jobs.append(job)  # type: ignore[arg-type]  # nobody looks at its result here
            if len(self._jobs) <= self._idle:
                self._changed.notify()
            elif len(self._threads) < self._most:
                name = f"{self._name}-{len(self._threads)}"
                thread = threading.Thread(target=inherited(self._work), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        return job

    def close(self) -> None:
        """Jobs that nobody has begun are dropped; returns when the others have ended."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    if self._closed:
                        return
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
                job = self._jobs.popleft()
            job.run()


def parallel_map(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int = READS_AT_ONCE
) -> list[_Result]:
    """``function`` of every item, in order; the first failure is raised."""
    every = list(items)
    if len(every) <= 1 or threads <= 1:
        return [function(item) for item in every]
    results: list[list[_Result]] = [[] for _ in every]
    rest = iter(range(len(every)))
    failures: dict[int, BaseException] = {}
    lock = threading.Lock()

    def work() -> None:
        while not failures:
            with lock:
                place = next(rest, None)
            if place is None:
                return
            try:
                results[place].append(function(every[place]))
            except BaseException as error:  # raised again below
                failures[place] = error

    crew = [
        threading.Thread(target=inherited(work), name=f"kyanite-read-{n}", daemon=True)
        for n in range(1, min(threads, len(every)))
    ]
    for thread in crew:
        thread.start()
    work()
    for thread in crew:
        thread.join()
    if failures:
        raise failures[min(failures)]
    return [result[0] for result in results]


@overload
def together(first: Callable[[], _A], second: Callable[[], _B], /) -> tuple[_A, _B]: ...
@overload
def together(
    first: Callable[[], _A], second: Callable[[], _B], third: Callable[[], _C], /
) -> tuple[_A, _B, _C]: ...
def together(*functions: Callable[[], object]) -> tuple[object, ...]:
    """The results of two or three functions that do not need each other."""
    return tuple(parallel_map(lambda function: function(), functions))


def planned_ahead(items: Generator[_Item, None, None], most: int) -> Generator[_Item, None, None]:
    """The same items, made by a thread of their own, at most ``most`` ahead of who takes them.

    Closing it, or a failure of ``items``, which is raised when its turn comes, ends the thread.
    """
    ready: deque[_Item] = deque()
    lock = threading.Lock()
    come, gone = threading.Condition(lock), threading.Condition(lock)
    ended = closed = False
    failure: BaseException | None = None

    def work() -> None:
        nonlocal ended, failure
        try:
            for item in items:
                with lock:
                    gone.wait_for(lambda: closed or len(ready) < most)
                    if closed:
                        break
                    ready.append(item)
                    come.notify()
            items.close()
        except BaseException as error:  # raised again below
            failure = error
        with lock:
            ended = True
            come.notify()

    thread = threading.Thread(target=inherited(work), name="kyanite-plan", daemon=True)
    thread.start()
    try:
        while True:
            with lock:
                come.wait_for(lambda: ready or ended)
                if not ready:
                    break
                item = ready.popleft()
                if len(ready) == most // 2:  # woken for each it would take turns with who computes
                    gone.notify()
            yield item
    finally:
        with lock:
            closed = True
            gone.notify()
        thread.join()
    if failure is not None:
        raise failure


def read_ahead(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int = READS_AT_ONCE
) -> Iterator[_Result]:
    """``function`` of every item, in order, computed at most ``threads`` items ahead."""
    crew = _Crew(threads, "kyanite-ahead")
    waiting: deque[_Job[_Result]] = deque()
    try:
        for item in items:
            waiting.append(crew.add(_job(function, item)))
            if len(waiting) >= threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        crew.close()


def _job(function: Callable[[_Item], _Result], item: _Item) -> _Job[_Result]:
    return _Job(lambda: function(item))
