"""What all recipes share: the frame of a resource, and what only Azure fills in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kyanite.base.json_types import JsonObject, JsonValue, as_list

READ_ONLY: Final = frozenset(
    {"etag", "id", "provisioningState", "resourceGuid", "systemData", "timeCreated", "type"}
)


def frame(
    raw: JsonObject,
    properties: Mapping[str, JsonValue],
    location: str | None,
    zones: Sequence[str] | None,
    tags: Mapping[str, str] | None,
) -> dict[str, JsonValue]:
    """What every resource has around its properties."""
    body: dict[str, JsonValue] = {
        "location": location or raw.get("location"),
        "properties": properties,
    }
    kept_zones = list(zones) if zones is not None else list(as_list(raw.get("zones")))
    if kept_zones:
        body["zones"] = kept_zones
    kept_tags: JsonValue = dict(tags) if tags is not None else raw.get("tags")
    if kept_tags:
        body["tags"] = kept_tags
    return body


def without(raw: JsonObject, names: frozenset[str]) -> JsonObject:
    """The object less some members."""
    return {name: value for name, value in raw.items() if name not in names}
