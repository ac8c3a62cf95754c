"""Private deployment: how workers and their storage may be reached.

docs/behaviour/appliance.md §10. A change is examined against Azure beside the request; until
that has ended, ``is_updating`` is true and further changes are refused. When the process dies
meanwhile, another one decides (`errands`).
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.errands import Errand, Errands, Turn, is_open
from kyanite.areas.appliance.settings import read_group, write_group
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid, KyaniteError
from kyanite.base.json_types import JsonObject, as_object, as_text
from kyanite.db.database import Database

_log = logging.getLogger(__name__)

GROUP: Final = "private_deployment"
# Why the last change does not hold.
FAILURE: Final = "private_deployment_pending"
ERRAND: Final = "deployment mode"
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


def deployment_state(db: Session) -> DeploymentState:
    """What holds now."""
    stored, last = read_group(db, GROUP), read_group(db, FAILURE) or {}
    mode = DeploymentMode.from_json(stored) if stored else DeploymentMode()
    if is_open(db, ERRAND):
        return DeploymentState(mode, is_updating=True)
    error = last.get("error")
    return DeploymentState(mode, error=error if isinstance(error, str) else None)


@dataclass(frozen=True)
class Deployment:
    """Changes the mode. ``examine(mode)`` raises KyaniteError if Azure does not allow it."""

    database: Database
    clock: Clock
    errands: Errands
    examine: Callable[[DeploymentMode], None]

    def __post_init__(self) -> None:
        self.errands.add(ERRAND, Errand(self._decide, self._give_up))

    def change(self, mode: DeploymentMode) -> threading.Thread:
        """Begin to change the mode; the thread ends when the change has been decided.

        Raises Invalid when the members do not fit each other, Conflict while another change
        goes on.
        """
        mode = _checked(mode)
        with self.database.writing() as db:
            turn = self.errands.ask(db, ERRAND, as_object(asdict(mode)))
            write_group(db, FAILURE, {}, self.clock)
        return self.errands.begin(turn)

    def _decide(self, turn: Turn) -> None:
        mode = DeploymentMode.from_json(turn.payload)
        try:
            self.examine(mode)
        except KyaniteError as problem:
            self._fail(turn, str(problem))
            return
        with turn.writing() as db:
            write_group(db, GROUP, as_object(asdict(mode)), self.clock)
            turn.end(db)
        _log.info("deployment mode changed", extra={"private": mode.enabled})

    def _give_up(self, turn: Turn) -> None:
        self._fail(turn, "The change came to no end; the log of the appliance says why.")

    def _fail(self, turn: Turn, error: str) -> None:
        with turn.writing() as db:
            write_group(db, FAILURE, {"error": error}, self.clock)
            turn.end(db)


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
