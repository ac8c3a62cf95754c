"""The durable jobs of repositories: create (and import), update, delete."""

from kyanite.areas.repositories.jobs.create import CreateRepository
from kyanite.areas.repositories.jobs.delete import DeleteRepository
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.jobs.update import UpdateRepository
from kyanite.durable.jobs import JobRegistry


def register_jobs(registry: JobRegistry, tools: RepositoryTools) -> None:
    """Let the appliance carry out the jobs of this area."""
    registry.add("repository.create", CreateRepository(tools))
    registry.add("repository.update", UpdateRepository(tools))
    registry.add("repository.delete", DeleteRepository(tools))
