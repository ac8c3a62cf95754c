"""Registers everything of Microsoft.Authorization."""

from azlab.core.service import Lab
from azlab.services.authorization import locks, permissions, roles


def register(lab: Lab) -> None:
    """Add all routes."""
    for part in (permissions, roles, locks):
        part.register(lab)
