"""One operation of the contract, and how to find it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from pydantic import BaseModel

from kyanite.contract.operations.index import MODULES


@dataclass(frozen=True)
class Body:
    """What a request carries: media type and Python type."""

    media_type: str
    type: object


@dataclass(frozen=True)
class Answer:
    """One declared status; `type` is None for an answer without a body."""

    status: int
    media_type: str
    type: object


@dataclass(frozen=True)
class Operation:
    """Method, path and shapes as the contract has them."""

    operation_id: str
    method: str
    path: str
    tag: str
    answers: tuple[Answer, ...]
    query: type[BaseModel] | None = None
    body: Body | None = None

    @property
    def success(self) -> Answer:
        """The first answer that is a success: what the operation gives when it can."""
        return min((a for a in self.answers if a.status < 300), key=lambda a: a.status)

    @property
    def path_names(self) -> frozenset[str]:
        """The names of the parameters in the path."""
        return frozenset(re.findall(r"{(\w+)}", self.path))

    def answer(self, status: int) -> Answer | None:
        """The declared answer of that status, or None."""
        return next((a for a in self.answers if a.status == status), None)


@cache
def _module(name: str) -> dict[str, Operation]:
    module = import_module(f"kyanite.contract.operations.{name}")
    return {operation.operation_id: operation for operation in module.OPERATIONS}


def find(operation_id: str) -> Operation:
    """The operation with this `operationId`; KeyError if the contract has none."""
    return _module(MODULES[operation_id])[operation_id]
