"""The daily look at everything: the inventory, and what the accounts may do.

New resources in the scope of a policy are noticed within a day without anybody asking
(docs/behaviour/virtual-machines.md, section 3.9; sessions.md, section 10).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import ServiceAccounts, list_accounts
from kyanite.areas.inventory.inventory import Inventory
from kyanite.base.errors import AzureError, CallerError
from kyanite.base.json_types import JsonObject
from kyanite.durable.context import JobContext
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.start import NewSession, start_session
from kyanite.durable.timetable import Schedule, ScheduleKind, Timetable, cron_slot
from kyanite.rules.schedule import Slot
from kyanite.rules.sessions import SessionStatus

RESCAN_JOB: Final = "inventory.rescan"
SCHEDULE_ID: Final = "inventory-rescan"
# Half an hour before midnight in the appliance's zone: nightly policies find it fresh.
_CRON: Final = "30 23 * * *"


class RescanInventory:
    """The job ``inventory.rescan``: every account in turn. Harmless to repeat."""

    def __init__(self, inventory: Inventory, accounts: ServiceAccounts) -> None:
        self._inventory = inventory
        self._accounts = accounts

    def __call__(self, ctx: JobContext, payload: JsonObject) -> None:
        """Carry out the job. An account that cannot look is a warning; the others go on."""
        del payload
        with ctx.database.reading() as db:
            accounts = list_accounts(db)
        for account in accounts:
            ctx.check()
            message = f"Looking at Azure as {account.name}"
            with ctx.line(message, key=account.id) as line:
                try:
                    self._inventory.rescan(account.id)
                    self._accounts.check_permissions(account.id)
                except (AzureError, CallerError) as error:
                    line.end(SessionStatus.WARNING, f"{message}: {error}")


def register_jobs(registry: JobRegistry, inventory: Inventory, accounts: ServiceAccounts) -> None:
    """Let the appliance carry out the job of this area."""
    registry.add(RESCAN_JOB, RescanInventory(inventory, accounts))


def schedule_kinds() -> Mapping[str, ScheduleKind]:
    """How the schedule of this area is read and started."""
    return {RESCAN_JOB: ScheduleKind(next_after=cron_slot, fire=start_rescan)}


def ensure_chores(db: Session, timetable: Timetable) -> None:
    """Put the daily look into the timetable, once for all times."""
    if timetable.next_at(db, SCHEDULE_ID) is None:
        timetable.put(db, Schedule(SCHEDULE_ID, RESCAN_JOB, {"cron": _CRON}))


def start_rescan(db: Session, schedule: Schedule, slot: Slot) -> None:
    """Start the session; none while there is nobody to look as."""
    del schedule, slot
    if list_accounts(db):
        start_session(
            db,
            NewSession(type="InfrastructureRescan", job=RESCAN_JOB, exclusive_key=SCHEDULE_ID),
        )
