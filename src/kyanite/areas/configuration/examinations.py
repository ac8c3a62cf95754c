"""All types of checks, put together once, when the appliance is wired."""

from __future__ import annotations

from collections.abc import Mapping

from kyanite.areas.accounts import ServiceAccounts
from kyanite.areas.configuration.accounts_check import AccountsCheck
from kyanite.areas.configuration.check import ALL_PRIVATE
from kyanite.areas.configuration.deployment_check import DeploymentCheck
from kyanite.areas.configuration.findings import Examination, Outcome, Verdict
from kyanite.areas.configuration.repositories_check import RepositoriesCheck
from kyanite.areas.configuration.users_check import UsersCheck
from kyanite.areas.repositories import Repositories, ThisAppliance
from kyanite.db.database import Database


def all_examinations(
    database: Database,
    accounts: ServiceAccounts,
    repositories: Repositories,
    this_appliance: ThisAppliance,
    deployment: DeploymentCheck,
) -> Mapping[str, Examination]:
    """One for each type of the contract."""
    of_repositories = RepositoriesCheck(database, repositories, this_appliance)
    of_users = UsersCheck(database)
    return {
        "AzureAccounts": AccountsCheck(database, accounts),
        "WorkerConfiguration": _workers,
        "Repositories": of_repositories.places,
        "RepositoriesEncryption": of_repositories.encryption,
        "RepositoriesOwnership": of_repositories.owners,
        "PortalUsers": of_users.second_factors,
        "SsoUsers": of_users.single_sign_on,
        ALL_PRIVATE: deployment,
    }


def _workers() -> Outcome:
    return Outcome(
        Verdict.SUCCESS,
        "There are no worker configurations: the data mover runs on the appliance.",
    )
