"""The durable jobs of repositories: create (and import), update, delete, take over, look again,
and the nightly upkeep."""

from kyanite.areas.repositories.jobs.create import CreateRepository
from kyanite.areas.repositories.jobs.delete import DeleteRepository
from kyanite.areas.repositories.jobs.take_over import TakeRepositoryOver
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.jobs.update import UpdateRepository
from kyanite.areas.repositories.jobs.upkeep import LookAfterRepository
from kyanite.areas.repositories.rescan import RESCAN_JOB, RescanRepositories
from kyanite.areas.repositories.second_look import SecondLook
from kyanite.areas.repositories.taking_over import TAKE_OVER_JOB
from kyanite.areas.repositories.upkeep import UPKEEP_JOB
from kyanite.durable.jobs import JobRegistry


def register_jobs(registry: JobRegistry, tools: RepositoryTools, second_look: SecondLook) -> None:
    """Let the appliance carry out the jobs of this area."""
    registry.add("repository.create", CreateRepository(tools))
    registry.add("repository.update", UpdateRepository(tools))
    registry.add("repository.delete", DeleteRepository(tools))
    registry.add(UPKEEP_JOB, LookAfterRepository(tools))
    registry.add(TAKE_OVER_JOB, TakeRepositoryOver(tools))
    registry.add(RESCAN_JOB, RescanRepositories(second_look))
