"""The rule for obsolete snapshots: older than this they go, whatever their policy keeps.

docs/behaviour/appliance.md, section 4. It concerns the snapshots that policies have made, and the
references of later backups among them: the next backup then reads everything.
"""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from kyanite.areas.appliance import time_zone
from kyanite.areas.appliance.retention_settings import retention_ages
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs.deletion import remove_snapshot
from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.durable.context import JobContext
from kyanite.rules.retention import cutoff

OBSOLETE_SNAPSHOTS: Final = "vm.obsolete_snapshots"


def remove_obsolete_snapshots(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """Remove every policy snapshot that is older than the setting says."""
    del payload
    with ctx.database.reading() as db:
        age = retention_ages(db).obsolete_snapshots
        if age is None:
            return None  # switched off since the session was started
        taken_before = cutoff(ctx.clock.now(), age, ZoneInfo(time_zone(db)))
        obsolete = points.snapshots_taken_before(db, taken_before)
    ctx.log(
        f"{len(obsolete)} snapshots are older than {age.count} {age.unit.lower()}", key="chosen"
    )
    for point_id in obsolete:
        remove_snapshot(ctx, point_id)
    return None
