"""An appliance over an Azure whose configuration can be checked."""

from __future__ import annotations

import threading

from kyanite.areas.appliance.errands import Errands
from kyanite.areas.configuration.check import ConfigurationCheck
from kyanite.areas.configuration.deployment_check import DeploymentCheck
from kyanite.areas.configuration.examinations import all_examinations
from kyanite.areas.configuration.routes import routers
from kyanite.areas.repositories import ThisAppliance
from kyanite.areas.repositories.taking_over import RepositoryTakeOver
from kyanite.base.json_types import JsonObject, as_list, as_object
from kyanite.db.database import Database
from support.lab import Azure
from support.repository_parts import RepositoryParts
from support.waiting import eventually


class CheckedParts(RepositoryParts):
    """An appliance whose configuration can be checked."""

    def __init__(self, database: Database, azure: Azure) -> None:
        super().__init__(database, azure, more_routers=routers())
        examinations = all_examinations(
            database,
            self.accounts,
            self.repositories,
            ThisAppliance(database, "appliance-1"),
            DeploymentCheck(database, self.access),
        )
        self.errands = Errands(database, self.api.clock)
        self.check = ConfigurationCheck(database, self.api.clock, self.errands, examinations)
        self.api.provisions.add(self.check)
        self.api.provisions.add(RepositoryTakeOver())

    def checked(self, *types: str) -> JsonObject:
        """The log of a check of these types, after it has ended."""
        answer = self.call("POST", "/configuration/check", {"checkType": list(types)})
        assert (answer.status_code, answer.content) == (202, b""), answer.text

        def ended() -> JsonObject | None:
            log = self.get("/configuration/checkSession")
            return None if log["overallStatus"] == "Running" else log

        log = eventually(ended, within_seconds=120)
        assert log is not None
        return log

    def found(self, check_type: str, block: str, items: str) -> JsonObject:
        """The only thing that a check of one type has looked at."""
        blocks = as_object(self.checked(check_type)["checkResponse"])
        (only,) = as_list(as_object(blocks[block])[items])
        return as_object(only)

    def close(self) -> None:
        """Wait for checks, then stop."""
        for thread in threading.enumerate():
            if thread.name == "configuration check":
                thread.join(60)
        super().close()
