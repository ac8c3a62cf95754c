"""Snapshots of this appliance in Azure that its database does not know.

A database that was put back from a copy knows nothing of what was taken since. Such snapshots
cost money and stand in no list; the backups that were read from them are found in the
repository, and the next one reads everything. They are recognised by their tags; those of
another appliance are left alone (docs/behaviour/virtual-machines.md, section 8.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.appliance.settings import installation_id
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs import marks
from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import snapshots as azure_snapshots
from kyanite.base.errors import AzureError, CallerError
from kyanite.base.json_types import JsonObject, JsonValue, as_text, dig
from kyanite.durable.context import JobContext
from kyanite.rules.sessions import SessionStatus

ORPHANED_SNAPSHOTS: Final = "vm.orphaned_snapshots"


def remove_orphaned_snapshots(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """Look for them wherever this appliance has protected machines."""
    del payload
    with ctx.database.reading() as db:
        places = points.protected_subscriptions(db)
    for account_id, subscription_ids in places.items():
        remove_orphans(ctx, account_id, subscription_ids)
    return None


def remove_orphans(ctx: JobContext, account_id: str, subscription_ids: Iterable[str]) -> None:
    """Delete the orphaned snapshots in some subscriptions. May run again, and beside policies.

    What cannot be looked for or removed now is left to the next time.
    """
    for subscription_id in sorted(subscription_ids):
        try:
            arm = ctx.provided(AzureAccess).arm_client(account_id).with_check(ctx.check)
            for snapshot in _orphans(ctx, arm, subscription_id):
                azure_snapshots.delete(arm, as_text(snapshot.get("id")))
                ctx.log(
                    f"The snapshot {as_text(snapshot.get('name'))}, which belongs to no restore "
                    "point any more, was removed",
                    SessionStatus.SUCCESS,
                )
        except (AzureError, CallerError) as error:
            ctx.log(
                f"Snapshots without a restore point in {subscription_id} are left to the next "
                f"time: {error}",
                key=f"orphans {subscription_id}",
            )


def _orphans(ctx: JobContext, arm: ArmClient, subscription_id: str) -> list[JsonObject]:
    with ctx.database.reading() as db:
        appliance_id = installation_id(db)
    ours = [
        snapshot
        for snapshot in azure_snapshots.list_snapshots(arm, subscription_id)
        if marks.is_marked(snapshot, marks.APPLIANCE_TAG, appliance_id)
        and marks.is_marked(snapshot, marks.KIND_TAG, marks.POLICY_SNAPSHOT)
    ]
    # The listing first: a session takes snapshots only after it is in the database.
    with ctx.database.reading() as db:
        wanted = points.wanted_snapshots(
            db,
            point_ids={_tag(one, marks.POINT_TAG) for one in ours},
            session_ids={_tag(one, marks.SESSION_TAG) for one in ours},
        )
    return [
        one
        for one in ours
        if not wanted & {_tag(one, marks.POINT_TAG), _tag(one, marks.SESSION_TAG)}
    ]


def _tag(snapshot: JsonObject, name: str) -> str:
    return as_text(dig(snapshot, "tags", name))
