"""Which members the bodies of requests about SQL may have."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

from azlab.core.json_types import JsonObject
from azlab.core.members import Shape, check_members


def check_body(model: str, body: JsonObject) -> None:
    """Refuse a member that the model of the API does not have."""
    check_members(body, _shapes()[model])


@lru_cache(maxsize=1)
def _shapes() -> dict[str, dict[str, Shape]]:
    text = resources.files(__package__).joinpath("shapes.json").read_text()
    shapes: dict[str, dict[str, Shape]] = json.loads(text)
    return shapes
