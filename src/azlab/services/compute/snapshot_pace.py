"""How fast and how many: the limits on incremental snapshots and their background copy."""

from __future__ import annotations

from datetime import datetime, timedelta

from azlab.core.errors import ArmError
from azlab.core.json_types import JsonObject, flag_at, number_at, text_at, texts_at
from azlab.core.state import Transaction

_TIMES_KIND = "snapshot-times"
_COPY_KIND = "snapshot-copy"
_SETTINGS_KIND, _SETTINGS_KEY = "lab", "compute"
_MOST_IN_WINDOW = 7
_WINDOW = timedelta(minutes=5)
MOST_OF_A_DISK = 500


def note_snapshot(tx: Transaction, disk_unique_id: str, now: datetime) -> None:
    """Count one more incremental snapshot; 409 for the eighth in five minutes of lab time.

    Deleted ones count too. The figure is documented, the code is that of the storage
    service below it.
    """
    document = tx.get(_TIMES_KIND, disk_unique_id) or {}
    times = [datetime.fromisoformat(text) for text in texts_at(document, "times")]
    recent = [moment for moment in times if moment > now - _WINDOW]
    if len(recent) >= _MOST_IN_WINDOW:
        raise ArmError(
            409,
            "SnapshotOperationRateExceeded",
            f"At most {_MOST_IN_WINDOW} incremental snapshots of a disk can be taken in "
            f"{_WINDOW.seconds // 60} minutes. Try again later.",
        )
    tx.put(
        _TIMES_KIND,
        disk_unique_id,
        {"times": [moment.isoformat() for moment in [*recent, now]]},
    )


def set_copy_seconds(tx: Transaction, seconds: float) -> None:
    """How long the background copy of each later incremental snapshot takes, in lab time."""
    tx.put(_SETTINGS_KIND, _SETTINGS_KEY, {"snapshotCopySeconds": seconds})


def begin_copy(tx: Transaction, unique_id: str, now: datetime, *, needed: bool) -> None:
    """The copy behind an incremental snapshot starts; `needed`: no use before it is done."""
    seconds = number_at(tx.get(_SETTINGS_KIND, _SETTINGS_KEY) or {}, "snapshotCopySeconds") or 0.0
    if seconds > 0:
        copy: JsonObject = {"start": now.isoformat(), "seconds": seconds, "needed": needed}
        tx.put(_COPY_KIND, unique_id, copy)


def forget_copy(tx: Transaction, unique_id: str) -> None:
    """The snapshot is gone."""
    tx.delete(_COPY_KIND, unique_id)


def is_usable(tx: Transaction, unique_id: str, now: datetime) -> bool:
    """Whether a snapshot can be read or copied at this moment."""
    copy = tx.get(_COPY_KIND, unique_id)
    if copy is None or not flag_at(copy, "needed"):
        return True
    return completion_percent(tx, unique_id, now) >= 100


def completion_percent(tx: Transaction, unique_id: str, now: datetime) -> float:
    """How far the copy is, from 0 to 100."""
    document: JsonObject | None = tx.get(_COPY_KIND, unique_id)
    if document is None:
        return 100.0
    start = datetime.fromisoformat(text_at(document, "start"))
    seconds = number_at(document, "seconds") or 1.0
    return round(min(max((now - start).total_seconds() / seconds, 0.0), 1.0) * 100, 2)
