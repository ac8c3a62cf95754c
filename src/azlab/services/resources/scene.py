"""The sections `locations`, `subscriptions` and `resourceGroups` of a scene."""

import re

from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    WrongShape,
    objects_at,
    string_map_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.identity.state import read_tenant
from azlab.services.resources.regions import REGIONS, code_name
from azlab.services.resources.state import (
    find_subscription,
    location_names,
    put_locations,
    put_subscription,
)

SECTIONS = ("locations", "subscriptions", "resourceGroups")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    """Make regions, subscriptions and groups."""
    names = [code_name(name) for name in texts_at(scene, "locations")]
    if unknown := [name for name in names if name not in REGIONS]:
        raise WrongShape(f"The lab has no region '{unknown[0]}'; it knows {', '.join(REGIONS)}.")
    put_locations(tx, names)
    tenant = read_tenant(tx)
    for one in objects_at(scene, "subscriptions"):
        subscription = text_at(one, "id")
        if not _UUID.fullmatch(subscription):
            raise WrongShape(f"The subscription id '{subscription}' is no UUID.")
        tags: JsonObject = dict(string_map_at(one, "tags"))
        unregistered: list[JsonValue] = list(texts_at(one, "unregistered"))
        put_subscription(
            tx,
            subscription,
            {
                "subscriptionId": subscription,
                "displayName": text_at(one, "name") or subscription,
                "tenantId": tenant.id,
                "tags": tags,
                "unregistered": unregistered,
            },
        )
    for one in objects_at(scene, "resourceGroups"):
        _put_group(lab, tx, one)


def _put_group(lab: Lab, tx: Transaction, one: JsonObject) -> None:
    subscription, name = text_at(one, "subscription"), text_at(one, "name")
    location = code_name(text_at(one, "location"))
    if find_subscription(tx, subscription) is None:
        raise WrongShape(f"The group '{name}' lies in no subscription of the scene.")
    if location not in location_names(tx):
        raise WrongShape(f"The group '{name}' lies in no region of the scene.")
    tags: JsonObject = dict(string_map_at(one, "tags"))
    lab.groups.put(
        tx,
        ResourceId(subscription, name),
        {
            "location": location,
            "tags": tags,
            "properties": {"provisioningState": "Succeeded"},
        },
    )
