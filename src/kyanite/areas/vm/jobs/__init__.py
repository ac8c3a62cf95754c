"""The jobs of the machines area. ``register`` makes them known to the runtime."""

from kyanite.areas.vm.jobs.backup_machine import back_up_machine
from kyanite.areas.vm.jobs.backup_retention import BACKUP_RETENTION, retain_backups
from kyanite.areas.vm.jobs.backups import BACKUP, BACKUP_MACHINE, back_up_policy
from kyanite.areas.vm.jobs.deletion import (
    DELETE_BACKUPS,
    DELETE_POINT,
    DELETE_SNAPSHOTS,
    delete_backups,
    delete_point,
    delete_snapshots,
)
from kyanite.areas.vm.jobs.obsolete_snapshots import (
    OBSOLETE_SNAPSHOTS,
    remove_obsolete_snapshots,
)
from kyanite.areas.vm.jobs.orphaned_snapshots import (
    ORPHANED_SNAPSHOTS,
    remove_orphaned_snapshots,
)
from kyanite.areas.vm.jobs.restore_disks import RESTORE_DISKS, restore_disks
from kyanite.areas.vm.jobs.restore_machine import RESTORE_MACHINE, restore_machine
from kyanite.areas.vm.jobs.snapshots import (
    SNAPSHOT,
    SNAPSHOT_MACHINE,
    snapshot_machine,
    snapshot_policy,
)
from kyanite.durable.jobs import JobRegistry


def register(registry: JobRegistry) -> None:
    """Add every kind of job of this area."""
    registry.add(SNAPSHOT, snapshot_policy)
    registry.add(SNAPSHOT_MACHINE, snapshot_machine)
    registry.add(BACKUP, back_up_policy)
    registry.add(BACKUP_MACHINE, back_up_machine)
    registry.add(BACKUP_RETENTION, retain_backups)
    registry.add(OBSOLETE_SNAPSHOTS, remove_obsolete_snapshots)
    registry.add(ORPHANED_SNAPSHOTS, remove_orphaned_snapshots)
    registry.add(DELETE_BACKUPS, delete_backups)
    registry.add(DELETE_SNAPSHOTS, delete_snapshots)
    registry.add(DELETE_POINT, delete_point)
    registry.add(RESTORE_MACHINE, restore_machine)
    registry.add(RESTORE_DISKS, restore_disks)
