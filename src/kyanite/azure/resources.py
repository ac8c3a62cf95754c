"""Tenants, subscriptions, regions, groups: what exists before any service. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from kyanite.azure.arm import ArmClient
from kyanite.azure.pauses import Patience, Retries
from kyanite.base.azure_names import group_id
from kyanite.base.errors import Gone, Rejected
from kyanite.base.json_types import JsonObject

_CONFLICT: Final = 409
_MOVE_PATIENCE: Final = Patience(attempts=20, total_seconds=60.0)


def tenants(arm: ArmClient) -> Iterator[JsonObject]:
    """The directories the account belongs to."""
    return arm.list("/tenants")


def subscriptions(arm: ArmClient) -> Iterator[JsonObject]:
    """The subscriptions the account sees."""
    return arm.list("/subscriptions")


def locations(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The regions of a subscription, with their zones."""
    return arm.list(f"/subscriptions/{subscription_id}/locations")


def resource_groups(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The resource groups of a subscription."""
    return arm.list(f"/subscriptions/{subscription_id}/resourcegroups")


def create_group(
    arm: ArmClient,
    subscription_id: str,
    name: str,
    location: str,
    tags: Mapping[str, str] | None = None,
) -> JsonObject:
    """A resource group; an existing one of that name keeps its region."""
    body: JsonObject = {"location": location, "tags": dict(tags or {})}
    return arm.put(group_id(subscription_id, name), body)


def delete_group(arm: ArmClient, subscription_id: str, name: str) -> None:
    """A resource group and all that is in it."""
    arm.delete(group_id(subscription_id, name))


def providers(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The services of a subscription: ``registrationState``, types and their regions."""
    return arm.list(f"/subscriptions/{subscription_id}/providers")


def move(
    arm: ArmClient, subscription_id: str, from_group: str, ids: Sequence[str], to_group_id: str
) -> None:
    """Move resources into another group; all or none. Repeating it is harmless.

    Azure refuses a move with a conflict while an earlier one of the same resources goes on:
    then this waits for that one.
    """
    body: JsonObject = {"resources": list(ids), "targetResourceGroup": to_group_id}
    moved = [to_group_id + one[one.lower().index("/providers/") :] for one in ids]
    retries = Retries(arm.check, _MOVE_PATIENCE)
    while True:
        try:
            arm.post(f"{group_id(subscription_id, from_group)}/moveResources", body)
            return
        except (Gone, Rejected) as error:
            # The answer to an earlier try may have been lost: they are where they should be then.
            if all(arm.find(one) is not None for one in moved):
                return
            if error.status != _CONFLICT or not retries.again():
                raise
