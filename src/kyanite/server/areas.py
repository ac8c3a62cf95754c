"""The areas, made of the parts below them and of each other."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from kyanite.areas.accounts import (
    AzureAccess,
    Clouds,
    StandardAccounts,
    list_accounts,
    provide_accounts,
)
from kyanite.areas.appliance import time_zone
from kyanite.areas.appliance.deployment import Deployment
from kyanite.areas.appliance.errands import Errands
from kyanite.areas.appliance.facts import ApplianceFacts
from kyanite.areas.appliance.support_contact import SupportContact
from kyanite.areas.configuration.check import ConfigurationCheck
from kyanite.areas.configuration.deployment_check import DeploymentCheck
from kyanite.areas.configuration.examinations import all_examinations
from kyanite.areas.inventory import (
    Inventory,
    LiveStorage,
    LiveVaults,
    MachineSizes,
    NewNetworks,
    SqlConnections,
    rescan_job,
)
from kyanite.areas.inventory import measures as inventory_measures
from kyanite.areas.repositories import Followers, Repositories, SecondLook, ThisAppliance
from kyanite.areas.repositories import measures as repository_measures
from kyanite.areas.repositories import rescan as repository_rescan
from kyanite.areas.repositories import upkeep as repository_upkeep
from kyanite.areas.repositories.account_users import repositories_on_account
from kyanite.areas.repositories.creation import RepositoryCreation
from kyanite.areas.repositories.editing import RepositoryEditing
from kyanite.areas.repositories.jobs import register_jobs as register_repository_jobs
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.metadata import RepositoryMetadata
from kyanite.areas.repositories.passwords import RepositoryPasswords
from kyanite.areas.repositories.removal import RepositoryRemoval
from kyanite.areas.repositories.taking_over import RepositoryTakeOver
from kyanite.areas.sessions import measures as session_measures
from kyanite.areas.vm import measures as machine_measures
from kyanite.areas.vm.account_users import policies_on_account
from kyanite.areas.vm.chores import ensure_chores, schedule_kinds
from kyanite.areas.vm.jobs import register as register_machine_jobs
from kyanite.areas.vm.policies import Policies
from kyanite.areas.vm.repository_follower import MachinesFollower
from kyanite.base.clock import Clock
from kyanite.base.settings import Settings
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.timetable import Timetable
from kyanite.http.provide import Provisions

# What each area says about itself at `GET /metrics`.
ALL_MEASURES = (
    session_measures.measures,
    machine_measures.measures,
    repository_measures.measures,
    inventory_measures.measures,
)


@dataclass(frozen=True)
class Ground:
    """What every area stands on."""

    settings: Settings
    database: Database
    secrets: SecretBox
    clock: Clock
    facts: ApplianceFacts


def add_areas(ground: Ground, provisions: Provisions, registry: JobRegistry) -> Timetable:
    """Offer what routes and jobs of the areas need, and make their jobs known."""
    database, secrets, clock = ground.database, ground.secrets, ground.clock
    clouds = Clouds(ground.settings.arm_endpoint, ground.settings.azure_ca_file)
    access = AzureAccess(database, secrets, clouds)
    inventory = Inventory(database, access, clock)
    this_appliance = ThisAppliance(database, ground.facts.server_name)
    repositories = Repositories(database, secrets, access, this_appliance, clock)
    followers = Followers((MachinesFollower(repositories),))
    second_look = SecondLook(repositories, followers)
    accounts = provide_accounts(
        provisions,
        database,
        secrets,
        access,
        clock,
        (inventory,),
        (repositories_on_account, policies_on_account),
    )
    errands = Errands(database, clock)
    deployment = DeploymentCheck(database, access)
    examinations = all_examinations(database, accounts, repositories, this_appliance, deployment)
    kinds = {
        **schedule_kinds(),
        **rescan_job.schedule_kinds(),
        **repository_upkeep.schedule_kinds(),
        **repository_rescan.schedule_kinds(),
    }
    timetable = Timetable(database, kinds, clock=clock, zone=_zone)
    with database.writing() as db:
        ensure_chores(db, timetable)
        rescan_job.ensure_chores(db, timetable)
        repository_upkeep.ensure_chores(db, timetable)
        repository_rescan.ensure_chores(db, timetable)
    for thing in (
        inventory,
        LiveStorage(access),
        LiveVaults(access),
        MachineSizes(access, clock),
        NewNetworks(database, access, inventory),
        SqlConnections(access, StandardAccounts(secrets, clock)),
        repositories,
        RepositoryCreation(database, secrets, repositories, clock),
        RepositoryEditing(secrets),
        RepositoryMetadata(database, repositories),
        RepositoryRemoval(followers),
        RepositoryPasswords(database, secrets, repositories, clock),
        timetable,
        errands,
        Deployment(database, clock, errands, deployment.examine),
        ConfigurationCheck(database, clock, errands, examinations),
        RepositoryTakeOver(),
        second_look,
        SupportContact(_tenant, ground.settings.updates_url),
        Policies(timetable, clock),
    ):
        provisions.add(thing)
    register_repository_jobs(
        registry, RepositoryTools(repositories, secrets, followers, this_appliance), second_look
    )
    rescan_job.register_jobs(registry, inventory, accounts)
    register_machine_jobs(registry)
    return timetable


def _zone(db: Session) -> ZoneInfo:
    return ZoneInfo(time_zone(db))


def _tenant(db: Session) -> str | None:
    """The tenant whose resources the appliance protects: that of its first account."""
    accounts = list_accounts(db)
    return accounts[0].tenant_id if accounts else None
