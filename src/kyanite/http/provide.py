"""Things that routes need, put there once by `server/wiring.py`.

A route asks for a thing by its type::

    def rescan(inventory: Annotated[Inventory, Provided(Inventory)]) -> ...:
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from fastapi import Depends
from starlette.requests import Request

T = TypeVar("T")


class Provisions:
    """One thing per type."""

    def __init__(self) -> None:
        self._things: dict[type[object], object] = {}

    def add(self, thing: object, as_type: type[object] | None = None) -> None:
        """Offer `thing` under its own type, or under a base type of it."""
        self._things[as_type or type(thing)] = thing

    def all(self) -> Mapping[type[object], object]:
        """A live view of everything offered: what jobs are given."""
        return self._things

    def get(self, kind: type[T]) -> T:
        """The thing of that type; LookupError names what wiring forgot."""
        try:
            return cast(T, self._things[kind])
        except KeyError:
            raise LookupError(f"server/wiring.py provides no {kind.__name__}.") from None


def provisions(request: Request) -> Provisions:
    """What this application was wired with."""
    return cast(Provisions, request.app.state.provisions)


def provided(kind: type[T]) -> Callable[[Request], T]:
    """The dependency that hands out the thing of that type."""

    def dependency(request: Request) -> T:
        return provisions(request).get(kind)

    return dependency


def Provided(kind: Any) -> Any:  # noqa: N802 - reads as the annotation it is
    """`Annotated[Thing, Provided(Thing)]`. `Thing` may be a Protocol, such as `Clock`."""
    return Depends(provided(kind))
