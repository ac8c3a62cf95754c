"""Modules that are imported when they are first used.

Every module costs a command a fraction of a millisecond at its start, and the biggest part
of a program is not needed by the work at hand.
"""

from __future__ import annotations

from importlib import import_module


class _LateModule:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(import_module(self._name), attribute)


def late_module(name: str) -> _LateModule:
    """Stands for the module of that name. For the type checker import the module itself."""
    return _LateModule(name)
