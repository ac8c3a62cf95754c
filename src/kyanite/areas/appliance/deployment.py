"""Private deployment: how workers and their storage may be reached.

docs/behaviour/appliance.md §10. A change is examined against Azure beside the request; until
that has ended, ``is_updating`` is true and further changes are refused. A process that dies
meanwhile leaves the settings of before; after `INTERRUPTED` the change counts as failed.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.settings import read_group, write_group
from kyanite.base.clock import Clock
from kyanite.base.errors import Conflict, Invalid, KyaniteError
from kyanite.base.json_types import JsonObject, as_object, as_text
from kyanite.db.database import Database
from kyanite.db.locks import lock

_log = logging.getLogger(__name__)

GROUP: Final = "private_deployment"
PENDING: Final = "private_deployment_pending"
# The questions to Azure take seconds; with all its retries no more than a few minutes.
INTERRUPTED: Final = timedelta(minutes=10)
MANAGE_A_RECORDS: Final = "ManageARecords"
_GROUP_ID = re.compile(r"^/subscriptions/[^/]+/resourceGroups/[^/]+$", re.IGNORECASE)
_GROUP_MEMBER = "privateDnsZoneResourceGroupId"


@dataclass(frozen=True)
class DeploymentMode:
    """How workers are deployed. Texts are the contract's."""

    enabled: bool = False
    dns: str = "Disabled"
    dns_group_id: str | None = None
    create_service_endpoints: bool = True
    public_access: str = "DoNotModify"

    @classmethod
    def from_json(cls, stored: JsonObject) -> DeploymentMode:
        """The mode that `asdict` made into JSON."""
        group = stored.get("dns_group_id")
        return cls(
            enabled=stored["enabled"] is True,
            dns=as_text(stored.get("dns")),
            dns_group_id=group if isinstance(group, str) else None,
            create_service_endpoints=stored["create_service_endpoints"] is True,
            public_access=as_text(stored.get("public_access")),
        )


@dataclass(frozen=True)
class DeploymentState:
    """The mode that holds, whether another one is being examined, why the last one failed."""

    mode: DeploymentMode
    is_updating: bool = False
    error: str | None = None


def deployment_state(db: Session, now: datetime) -> DeploymentState:
    """What holds now."""
    stored, pending = read_group(db, GROUP), read_group(db, PENDING)
    mode = DeploymentMode.from_json(stored) if stored else DeploymentMode()
    if not pending:
        return DeploymentState(mode)
    if pending.get("error") is not None:
        return DeploymentState(mode, error=as_text(pending["error"]))
    began = datetime.fromisoformat(as_text(pending.get("began")))
    if now - began > INTERRUPTED:
        return DeploymentState(mode, error="The change was interrupted; send it again.")
    return DeploymentState(mode, is_updating=True)


@dataclass(frozen=True)
class Deployment:
    """Changes the mode. ``examine(mode)`` raises KyaniteError if Azure does not allow it."""

    database: Database
    clock: Clock
    examine: Callable[[DeploymentMode], None]

    def change(self, mode: DeploymentMode) -> threading.Thread:
        """Begin to change the mode; the thread ends when the change has been decided.

        Raises Invalid when the members do not fit each other, Conflict while another change
        goes on.
        """
        mode = _checked(mode)
        now = self.clock.now()
        with self.database.writing() as db:
            lock(db, PENDING)
            if deployment_state(db, now).is_updating:
                raise Conflict("The deployment mode is being changed; wait until that has ended.")
            write_group(db, PENDING, {"began": now.isoformat()}, self.clock)
        thread = threading.Thread(
            target=self._decide, args=(mode, now), name="deployment mode", daemon=True
        )
        thread.start()
        return thread

    def _decide(self, mode: DeploymentMode, began: datetime) -> None:
        error: str | None = None
        try:
            self.examine(mode)
        except KyaniteError as problem:
            error = str(problem)
        with self.database.writing() as db:
            lock(db, PENDING)
            pending = read_group(db, PENDING) or {}
            if pending.get("began") != began.isoformat():
                return  # it took too long, and somebody has begun another change
            if error is None:
                write_group(db, GROUP, as_object(asdict(mode)), self.clock)
                write_group(db, PENDING, {}, self.clock)
                _log.info("deployment mode changed", extra={"private": mode.enabled})
            else:
                write_group(db, PENDING, {"error": error}, self.clock)


def _checked(mode: DeploymentMode) -> DeploymentMode:
    """The mode without what does not count in it. Raises Invalid."""
    if mode.dns != MANAGE_A_RECORDS:
        return DeploymentMode(
            mode.enabled, mode.dns, None, mode.create_service_endpoints, mode.public_access
        )
    if not mode.dns_group_id:
        raise Invalid.member(
            _GROUP_MEMBER, "The resource group of the private DNS zones is needed."
        )
    if not _GROUP_ID.match(mode.dns_group_id):
        raise Invalid.member(
            _GROUP_MEMBER, "The ARM id of a resource group is expected: /subscriptions/…"
        )
    return mode
