"""What a policy selects and excludes, item by item, as the contract shows it.

An item that Azure does not have any more is shown as `deletedItem`
(docs/behaviour/virtual-machines.md, section 2.11).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory import (
    find_machine,
    find_region,
    find_resource_group,
    find_subscription,
    region_wire,
    resource_group_wire,
    subscription_wire,
)
from kyanite.areas.vm.machine_wire import machine_wire
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.identifiers import system_id
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text, dig


def selected_items(db: Session, request: Request, policy: PolicyRow) -> list[JsonObject]:
    """`PolicyBackupItem`s: subscriptions, groups, machines, tags, conditions, in this order."""
    chosen = as_object(as_object(policy.settings).get("selectedItems"))
    items: list[JsonObject] = [
        _subscription(db, request, one) for one in _ids(chosen, "subscriptions", "subscriptionId")
    ]
    items += [_group(db, request, one) for one in _ids(chosen, "resourceGroups", "id")]
    items += [_machine(db, request, one) for one in _ids(chosen, "virtualMachines", "id")]
    items += [{"tag": tag_wire(as_object(one))} for one in as_list(chosen.get("tags"))]
    items += [
        {"tagGroup": _condition(db, request, as_object(one))}
        for one in as_list(chosen.get("tagGroups"))
    ]
    return items


def excluded_items(
    db: Session, request: Request, policy: PolicyRow, name_pattern: str | None
) -> list[JsonObject]:
    """`PolicyExcludedItem`s whose name contains the pattern."""
    excluded = as_object(as_object(policy.settings).get("excludedItems"))
    items = [_machine(db, request, one) for one in _ids(excluded, "virtualMachines", "id")]
    items += [{"tag": tag_wire(as_object(one))} for one in as_list(excluded.get("tags"))]
    pattern = (name_pattern or "").lower()
    return [item for item in items if pattern in _name(item).lower()]


def policy_regions(db: Session, policy: PolicyRow) -> list[JsonObject]:
    """`Region`s; one that no account sees any more is shown by its code name."""
    regions: list[JsonObject] = []
    for code in _ids(as_object(policy.settings), "regions", "regionId"):
        found = find_region(db, code)
        regions.append(
            region_wire(found)
            if found
            else {"id": code, "name": code, "resourceId": system_id(f"/locations/{code}")}
        )
    return regions


def tag_wire(tag: JsonObject) -> JsonObject:
    """`Tag`; its id is made of name and value."""
    name, value = as_text(tag.get("name")), as_text(tag.get("value"))
    return {"id": system_id(f"/tags/{name.lower()}/{value}"), "name": name, "value": value}


def _ids(container: JsonObject, member: str, name: str) -> Iterator[str]:
    for entry in as_list(container.get(member)):
        text = as_text(as_object(entry).get(name))
        if text:
            yield text


def _subscription(db: Session, request: Request, subscription_id: str) -> JsonObject:
    found = find_subscription(db, subscription_id.lower())
    if found is None:
        return _deleted("Subscription", subscription_id)
    return {"subscription": subscription_wire(request, found)}


def _group(db: Session, request: Request, group_id: str) -> JsonObject:
    found = find_resource_group(db, group_id)
    if found is None:
        return _deleted("ResourceGroup", group_id)
    return {"resourceGroup": resource_group_wire(request, found)}


def _machine(db: Session, request: Request, machine_id: str) -> JsonObject:
    found = find_machine(db, machine_id)
    if found is None or found.is_deleted:
        return _deleted("VirtualMachine", machine_id, found.name if found else None)
    return {"virtualMachine": machine_wire(request, found)}


def _condition(db: Session, request: Request, entry: JsonObject) -> JsonObject:
    wire: dict[str, JsonValue] = {
        "name": as_text(entry.get("name")),
        "tags": [tag_wire(as_object(tag)) for tag in as_list(entry.get("tags"))],
    }
    subscription = find_subscription(db, as_text(dig(entry, "subscription", "subscriptionId")))
    if subscription is not None:
        wire["subscription"] = subscription_wire(request, subscription)
    group = find_resource_group(db, as_text(dig(entry, "resourceGroup", "id")))
    if group is not None:
        wire["resourceGroup"] = resource_group_wire(request, group)
    return wire


def _deleted(kind: str, item_id: str, name: str | None = None) -> JsonObject:
    return {
        "deletedItem": {
            "type": kind,
            "id": item_id,
            "name": name or item_id,
            "tagName": None,
            "tagValue": None,
        }
    }


def _name(item: JsonObject) -> str:
    return next((as_text(as_object(one).get("name")) for one in item.values()), "")
