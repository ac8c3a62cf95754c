"""Subscriptions and the regions of this lab."""

from azlab.core.json_types import JsonObject, object_at, text_at, texts_at
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import SUBSCRIPTION
from azlab.core.state import Transaction
from azlab.services.resources.regions import REGIONS, Region

_LAB, _LOCATIONS = "lab", "locations"


def put_subscription(tx: Transaction, subscription: str, body: JsonObject) -> None:
    """Store a subscription. Members: subscriptionId, displayName, tenantId, tags, unregistered."""
    scope = ResourceId(subscription)
    tx.put(SUBSCRIPTION, scope.key, {"id": scope.text, "body": body})


def find_subscription(tx: Transaction, subscription: str) -> JsonObject | None:
    """The stored body of a subscription, or None."""
    found = tx.get(SUBSCRIPTION, ResourceId(subscription).key)
    return None if found is None else object_at(found, "body")


def subscriptions(tx: Transaction) -> list[JsonObject]:
    """The stored bodies of all subscriptions, in order of their ids."""
    return [object_at(found, "body") for _, found in tx.list(SUBSCRIPTION)]


def subscription_ids(tx: Transaction) -> list[str]:
    """The ids of all subscriptions."""
    return [text_at(body, "subscriptionId") for body in subscriptions(tx)]


def put_locations(tx: Transaction, names: list[str]) -> None:
    """Store which regions this lab has."""
    tx.put(_LAB, _LOCATIONS, {"names": [*names]})


def location_names(tx: Transaction) -> list[str]:
    """The code names of the regions of this lab."""
    return texts_at(tx.get(_LAB, _LOCATIONS) or {}, "names")


def locations(tx: Transaction) -> list[Region]:
    """The regions of this lab."""
    return [REGIONS[name] for name in location_names(tx)]
