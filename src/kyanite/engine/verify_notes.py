"""Writes down what a verification has found wrong, for writers and for repairs."""

from __future__ import annotations

from kyanite.engine.damage_notes import DamageNote, joined, read_notes, replace_notes
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.storage.base import Storage
from kyanite.engine.verify_report import VerifyReport


def note_damage(
    storage: Storage, report: VerifyReport, maintenance_key: bytes, repository_id: bytes
) -> None:
    """Add what is new to the notes. Nothing is taken back here: that is for repairs."""
    if not len(report.bad_packs):
        return
    keys = (maintenance_key, repository_id)
    before, names = read_notes(storage, *keys, skip_damaged=True)
    after = joined((before, DamageNote(report.bad_packs, holes=holes_of(report))))
    if after != before:
        replace_notes(storage, after, names, *keys)


def holes_of(report: VerifyReport) -> dict[str, dict[str, RangeList]]:
    """The holes of points, by session and disk."""
    found: dict[str, dict[str, list[ByteRange]]] = {}
    for damage in report.damages:
        for hurt in damage.hurts:
            if hurt.length:
                disks = found.setdefault(hurt.session_id, {})
                disks.setdefault(hurt.disk_id, []).append(ByteRange(hurt.offset, hurt.length))
    return {
        session_id: {disk_id: RangeList(ranges) for disk_id, ranges in disks.items()}
        for session_id, disks in found.items()
    }
