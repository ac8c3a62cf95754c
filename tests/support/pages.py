"""What is on a page of a list."""

from __future__ import annotations

from kyanite.base.json_types import JsonObject, as_list, as_object, as_text


def results(page: JsonObject) -> list[JsonObject]:
    return [as_object(item) for item in as_list(page["results"])]


def names(page: JsonObject) -> list[str]:
    return [as_text(item["name"]) for item in results(page)]
