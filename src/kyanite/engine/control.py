"""How long work is watched and stopped from outside."""

from __future__ import annotations

from typing import Protocol


class Control(Protocol):
    """Told about progress, asked whether to go on. Called from several threads."""

    def advance(self, read: int = 0, processed: int = 0, stored: int = 0) -> None:
        """So many bytes more were read from the source, dealt with, put to the storage."""
        ...

    def check(self) -> None:
        """Raise ``Cancelled`` or ``LeaseLost`` if the work shall end here."""
        ...


class NoControl:
    """Nobody watches."""

    def advance(
        self,
        read: int = 0,  # noqa: ARG002
        processed: int = 0,  # noqa: ARG002
        stored: int = 0,  # noqa: ARG002
    ) -> None:
        return

    def check(self) -> None:
        return
