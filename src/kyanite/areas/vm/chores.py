"""What the timetable does for machines: policies when they are due, and the daily retention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.retention_settings import retention_ages
from kyanite.areas.vm.jobs.backup_retention import BACKUP_RETENTION
from kyanite.areas.vm.jobs.obsolete_snapshots import OBSOLETE_SNAPSHOTS
from kyanite.areas.vm.jobs.orphaned_snapshots import ORPHANED_SNAPSHOTS
from kyanite.areas.vm.points import protected_subscriptions
from kyanite.areas.vm.policy_runs import start_by_schedule
from kyanite.areas.vm.policy_schedule import KIND as POLICY_KIND
from kyanite.durable.start import NewSession, start_session
from kyanite.durable.timetable import Schedule, ScheduleKind, Timetable, cron_slot, daily_slot
from kyanite.rules.schedule import Slot

RETENTION_KIND: Final = "vm.backup_retention"
RETENTION_ID: Final = "vm-backup-retention"
OBSOLETE_KIND: Final = "vm.obsolete_snapshots"
OBSOLETE_ID: Final = "vm-obsolete-snapshots"
ORPHANED_KIND: Final = "vm.orphaned_snapshots"
ORPHANED_ID: Final = "vm-orphaned-snapshots"
# 00:15 in the appliance's time zone (docs/behaviour/virtual-machines.md §8.2).
RETENTION_CRON: Final = "15 0 * * *"


def schedule_kinds() -> Mapping[str, ScheduleKind]:
    """How schedules of this area are read and started."""
    return {
        POLICY_KIND: ScheduleKind(next_after=daily_slot, fire=start_by_schedule),
        RETENTION_KIND: ScheduleKind(next_after=cron_slot, fire=start_retention),
        OBSOLETE_KIND: ScheduleKind(next_after=cron_slot, fire=start_obsolete_snapshots),
        ORPHANED_KIND: ScheduleKind(next_after=cron_slot, fire=start_orphaned_snapshots),
    }


def ensure_chores(db: Session, timetable: Timetable) -> None:
    """Put the daily chores into the timetable, once for all times."""
    for schedule_id, kind in (
        (RETENTION_ID, RETENTION_KIND),
        (OBSOLETE_ID, OBSOLETE_KIND),
        (ORPHANED_ID, ORPHANED_KIND),
    ):
        if timetable.next_at(db, schedule_id) is None:
            timetable.put(db, Schedule(schedule_id, kind, {"cron": RETENTION_CRON}))


def start_retention(db: Session, schedule: Schedule, slot: Slot) -> None:
    """Start the session that removes backups whose time is over."""
    del schedule, slot
    start_session(
        db,
        NewSession(type="BackupRetention", job=BACKUP_RETENTION, exclusive_key=RETENTION_ID),
    )


def start_obsolete_snapshots(db: Session, schedule: Schedule, slot: Slot) -> None:
    """Start the session that removes obsolete snapshots; none while they are kept for ever."""
    del schedule, slot
    if retention_ages(db).obsolete_snapshots is not None:
        start_session(
            db,
            NewSession(
                type="ObsoleteSnapshotRetention",
                job=OBSOLETE_SNAPSHOTS,
                exclusive_key=OBSOLETE_ID,
            ),
        )


def start_orphaned_snapshots(db: Session, schedule: Schedule, slot: Slot) -> None:
    """Start the session that removes snapshots nobody knows; none while nothing is protected."""
    del schedule, slot
    if protected_subscriptions(db):
        start_session(
            db,
            NewSession(
                type="OrphanedSnapshotRetention", job=ORPHANED_SNAPSHOTS, exclusive_key=ORPHANED_ID
            ),
        )
