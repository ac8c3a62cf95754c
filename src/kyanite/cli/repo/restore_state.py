"""What an interrupted restore leaves beside its target: which ranges are right there already."""

from __future__ import annotations

import json
import os
from pathlib import Path

from kyanite.base.errors import Conflict, Invalid
from kyanite.base.json_types import JsonObject
from kyanite.engine.ranges import ByteRange, RangeList


class RestoreState:
    """A file that says what a restore is of and how far it came. Replaced as a whole.

    ``identity`` tells one restore from another: the point, the disk, the range, the format.
    """

    def __init__(self, path: Path, identity: JsonObject, size_bytes: int) -> None:
        self._path = path
        self._identity = identity
        self._size_bytes = size_bytes

    def load(self) -> RangeList | None:
        """What is done; ``None`` if there is no such file.

        Raises ``Conflict`` for the state of another restore, or what is none.
        """
        try:
            document = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise self._foreign() from None
        if not isinstance(document, dict) or document.get("restore") != dict(self._identity):
            raise self._foreign()
        try:
            size_bytes, done = RangeList.from_json(document.get("done"))
        except Invalid:
            raise self._foreign() from None
        if size_bytes != self._size_bytes:
            raise self._foreign()
        return done

    def save(self, done: RangeList) -> None:
        """Keep ``done``, which must be durable in the target before."""
        document = {"restore": dict(self._identity), "done": done.to_json(self._size_bytes)}
        new = self._path.with_name(self._path.name + ".new")
        with open(new, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)

    def remove(self) -> None:
        """Nothing is left to resume."""
        self._path.unlink(missing_ok=True)

    def _foreign(self) -> Conflict:
        return Conflict(
            f"{self._path} is of another restore; finish that one, or remove it together with "
            "what was restored, or choose another name."
        )


class Done:
    """Collects ranges that were written; joins them when they are asked for."""

    def __init__(self, before: RangeList) -> None:
        self._joined = before
        self._new: list[ByteRange] = []

    def add(self, offset: int, length: int) -> None:
        self._new.append(ByteRange(offset, length))

    def ranges(self) -> RangeList:
        """Everything so far."""
        taken, self._new = self._new, []
        if taken:
            self._joined = self._joined.union(RangeList(taken))
        return self._joined
