"""Where a process of the appliance writes its log, besides standard error.

Each process has files of its own, bounded in size: lines of JSON with the member ``timestamp``,
secrets replaced when they are written (``kyanite.base.redaction``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

FOLDER_NAME: Final = "logs"
FILE_BYTES: Final = 16 * 1024 * 1024
FILES_KEPT: Final = 12
KEEP: Final = timedelta(days=90)


@dataclass(frozen=True)
class LogFolder:
    """The folder with the logs of all processes on this host."""

    path: Path

    def file_of(self, program: str) -> Path:
        """The newest log of a program."""
        return self.path / f"{program}.jsonl"

    def prepare(self, now: datetime) -> None:
        """Make the folder, and remove logs of processes that ended long ago."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in self.files():
            if now - datetime.fromtimestamp(file.stat().st_mtime, UTC) > KEEP:
                file.unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """All logs, in the order of their names."""
        return sorted(self.path.glob("*.jsonl*"))

    def lines(self, file: Path, since: datetime, until: datetime) -> Iterator[bytes]:
        """The lines of a log from that time; what is no line of ours is left out."""
        try:
            with file.open("rb") as stream:
                for line in stream:
                    moment = _moment(line)
                    if moment is not None and since <= moment <= until:
                        yield line
        except FileNotFoundError:
            return  # its turn to go came while we read


def _moment(line: bytes) -> datetime | None:
    try:
        moment = datetime.fromisoformat(orjson.loads(line)["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
