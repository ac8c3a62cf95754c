"""Doing independent things at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar, overload

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")

# Small reads over a network wait most of the time; more would only pile up in the storage.
READS_AT_ONCE: Final = 8


def parallel_map(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int = READS_AT_ONCE
) -> list[_Result]:
    """``function`` of every item, in order; the first failure is raised."""
    every = list(items)
    if len(every) <= 1 or threads <= 1:
        return [function(item) for item in every]
    from concurrent.futures import ThreadPoolExecutor  # not needed for small repositories

    with ThreadPoolExecutor(min(threads, len(every)), "kyanite-read") as pool:
        return list(pool.map(function, every))


@overload
def together(first: Callable[[], _A], second: Callable[[], _B], /) -> tuple[_A, _B]: ...
@overload
def together(
    first: Callable[[], _A], second: Callable[[], _B], third: Callable[[], _C], /
) -> tuple[_A, _B, _C]: ...
def together(*functions: Callable[[], object]) -> tuple[object, ...]:
    """The results of two or three functions that do not need each other."""
    return tuple(parallel_map(lambda function: function(), functions))


def read_ahead(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int = READS_AT_ONCE
) -> Iterator[_Result]:
    """``function`` of every item, in order, computed at most ``threads`` items ahead."""
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(threads, "kyanite-ahead") as pool:
        waiting: deque[Future[_Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
