"""Registers everything of Microsoft.Resources."""

from azlab.core.service import Lab
from azlab.services.resources import (
    generic,
    groups,
    metadata,
    moves,
    operation_polls,
    providers,
    subscriptions,
    tags,
)


def register(lab: Lab) -> None:
    """Add all routes."""
    for part in (
        metadata,
        subscriptions,
        groups,
        generic,
        moves,
        tags,
        providers,
        operation_polls,
    ):
        part.register(lab)
