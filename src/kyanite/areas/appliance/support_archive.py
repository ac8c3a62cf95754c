"""The archive that somebody sends to those who help: logs, sessions, facts; no secrets.

docs/behaviour/appliance.md §9.5. What programs wrote has its secrets replaced already; all of it
goes through the same filter once more.
"""

from __future__ import annotations

import platform
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import IO, Final

import orjson
from sqlalchemy.orm import Session

from kyanite.areas.appliance.facts import ApplianceFacts
from kyanite.areas.appliance.log_files import LogFolder
from kyanite.areas.appliance.session_queries import begun_between, log_lines
from kyanite.areas.appliance.settings import installation_id, time_zone
from kyanite.base.redaction import redacted
from kyanite.durable.session_tables import SessionRow

_PART_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Window:
    """From when to when, both included, in UTC."""

    since: datetime
    until: datetime


def write_archive(
    db: Session, folder: LogFolder, facts: ApplianceFacts, window: Window
) -> IO[bytes] | None:
    """A ZIP in a file without a name, ready to be read; None when nothing happened then."""
    # Closed by whoever sends it, or here when there is nothing to send.
    target = tempfile.TemporaryFile()  # noqa: SIM115
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        entries = _write_logs(archive, folder, window) + _write_sessions(archive, db, window)
        about = {
            "appliance": asdict(facts),
            "installation": installation_id(db),
            "timeZone": time_zone(db),
            "database": db.get_bind().dialect.name,
            "python": platform.python_version(),
            "system": platform.platform(),
            "since": window.since,
            "until": window.until,
        }
        archive.writestr("about.json", orjson.dumps(about, option=orjson.OPT_INDENT_2))
    if entries == 0:
        target.close()
        return None
    target.seek(0)
    return target


def parts_of(archive: IO[bytes]) -> Iterator[bytes]:
    """The archive in pieces; closes it at the end."""
    with archive:
        while part := archive.read(_PART_BYTES):
            yield part


def _write_logs(archive: zipfile.ZipFile, folder: LogFolder, window: Window) -> int:
    written = 0
    for file in folder.files():
        lines = folder.lines(file, window.since, window.until)
        first = next(lines, None)
        if first is None:
            continue
        with archive.open(f"logs/{file.name}", "w") as entry:
            entry.write(_clean(first))
            for line in lines:
                entry.write(_clean(line))
        written += 1
    return written


def _clean(line: bytes) -> bytes:
    return orjson.dumps(redacted(orjson.loads(line))) + b"\n"


def _write_sessions(archive: zipfile.ZipFile, db: Session, window: Window) -> int:
    portions = begun_between(db, window.since, window.until)
    portion = next(portions, None)
    if portion is None:
        return 0
    with archive.open("sessions.jsonl", "w") as entry:
        while portion is not None:
            logs = _log_lines(db, [row.id for row in portion])
            for row in portion:
                entry.write(orjson.dumps(redacted(_session(row, logs.get(row.id, [])))) + b"\n")
            portion = next(portions, None)
    return 1


def _log_lines(db: Session, session_ids: list[str]) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for line in log_lines(db, session_ids):
        found.setdefault(line.session_id, []).append(
            {
                "at": line.logged_at,
                "ended": line.ended_at,
                "status": line.status,
                "message": line.message,
                "resource": line.resource_id,
            }
        )
    return found


def _session(row: SessionRow, log: list[dict[str, object]]) -> dict[str, object]:
    return {
        "id": row.id,
        "type": row.type,
        "status": row.status,
        "created": row.created_at,
        "started": row.started_at,
        "finished": row.finished_at,
        "policy": row.policy_name,
        "repository": row.repository_name,
        "log": log,
    }
