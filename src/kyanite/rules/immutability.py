"""Whether a repository in a container is immutable, and how long a backup may not be deleted.

docs/behaviour/repositories.md, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Protection:
    """What account and container do to the blobs of a container."""

    keeps_versions: bool
    """The account keeps versions of its blobs."""
    account_default: bool
    """The account has a retention of its own for every new blob."""
    container_versions: bool
    """The container lets single versions be locked."""
    container_policy: str
    """``ContainerImmutabilityPolicyState``: a retention for every blob of the container."""
    legal_hold: bool

    @property
    def is_immutable(self) -> bool:
        """Whether a repository in the container locks its backups."""
        return self.container_versions


def protection_problem(found: Protection) -> str | None:
    """Why there can be no repository in the container; ``None`` when there can."""
    if found.legal_hold:
        return "The container is under a legal hold, so nothing in it could ever be removed."
    if found.container_policy != "NotPresent":
        return (
            "The container has a time-based retention policy for all its blobs, also for those "
            "that a repository has to remove; choose a container without one."
        )
    if found.account_default:
        return (
            "The storage account has a time-based retention policy for all its blobs, also for "
            "those that a repository has to remove; choose an account without one."
        )
    if found.keeps_versions and not found.container_versions:
        return (
            "The storage account keeps versions of its blobs, so that removed backups would keep "
            "costing. Choose a container with version-level immutability, or an account without "
            "versioning."
        )
    return None
