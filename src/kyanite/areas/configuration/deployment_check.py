"""Type AllPrivateDeployment: whether Azure has what the deployment mode names."""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.areas.accounts import AzureAccess, list_accounts
from kyanite.areas.appliance.deployment import DeploymentMode, deployment_state
from kyanite.areas.configuration.findings import Outcome, Verdict
from kyanite.base.errors import AzureError, Invalid
from kyanite.db.database import Database


@dataclass(frozen=True)
class DeploymentCheck:
    """Asks with the rights of the service accounts, one after the other."""

    database: Database
    access: AzureAccess

    def __call__(self) -> Outcome:
        """Examine the mode that holds."""
        with self.database.reading() as db:
            mode = deployment_state(db).mode
        if not mode.enabled:
            return Outcome(Verdict.SUCCESS, "Private deployment is switched off.")
        self.examine(mode)
        return Outcome(Verdict.SUCCESS, "Everything that private deployment names is there.")

    def examine(self, mode: DeploymentMode) -> None:
        """Raise Invalid when no account sees the resource group of the private DNS zones."""
        if mode.dns_group_id is None:
            return
        with self.database.reading() as db:
            accounts = list_accounts(db)
        answers = []
        for account in accounts:
            try:
                self.access.arm_client(account.id).get(mode.dns_group_id)
            except AzureError as error:
                answers.append(f"{account.name}: {error}")
            else:
                return
        seen = " ".join(answers) or "There is no service account yet."
        raise Invalid(f"The resource group {mode.dns_group_id} cannot be seen. {seen}")
