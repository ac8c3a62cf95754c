"""Repositories: where backups are kept.

Jobs of other areas reach them through ``Repositories``: the opened engine, credentials for
data movers, ``RepositoryFacts``. Areas that keep things per repository register a
``RepositoryFollower``. Whoever uses a repository says so in the table of uses with
``USED_KIND``; sessions at work in one are named by ``repository_id`` of their row, or there
under ``SESSION_USER_KIND``.
"""

from kyanite.areas.repositories.facts import (
    SESSION_USER_KIND,
    USED_KIND,
    RepositoryFacts,
    Status,
)
from kyanite.areas.repositories.followers import Followers, RepositoryFollower
from kyanite.areas.repositories.queries import (
    find_repository,
    get_repository,
    list_repositories,
)
from kyanite.areas.repositories.repositories import Repositories, require_ready
from kyanite.areas.repositories.second_look import SecondLook
from kyanite.areas.repositories.this_appliance import ThisAppliance

__all__ = [
    "SESSION_USER_KIND",
    "USED_KIND",
    "Followers",
    "Repositories",
    "RepositoryFacts",
    "RepositoryFollower",
    "SecondLook",
    "Status",
    "ThisAppliance",
    "find_repository",
    "get_repository",
    "list_repositories",
    "require_ready",
]
