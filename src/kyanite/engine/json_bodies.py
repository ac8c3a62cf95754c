"""JSON as the body of an object: one text for one value, and hostile ones refused.

docs/format/objects.md, "Sealed objects".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from kyanite.base.errors import Damaged
from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.engine.format import ensure

# What a body of 64 MiB may consist of: a megabyte of brackets takes a hundred to parse, and
# no object of ours has so many.
_MOST_CONTAINERS: Final = 1 << 20
_MOST_QUOTES: Final = 1 << 22
_MOST_VALUES: Final = 1 << 23
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def to_json_bytes(body: JsonObject) -> bytes:
    """One text for one value: members sorted, no blanks."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def from_json_bytes(name: str, body: bytes) -> JsonObject:
    """The JSON object in an authenticated body."""
    ensure(
        body.count(b"[") + body.count(b"{") <= _MOST_CONTAINERS
        and body.count(b'"') <= _MOST_QUOTES
        and body.count(b",") <= _MOST_VALUES,
        f"{name} holds JSON of impossibly many parts.",
    )
    try:
        value: JsonValue = json.loads(body.decode())
        if _SURROGATE.search(body):  # half a pair is no text: it cannot be written down
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Damaged(f"{name} holds no JSON.") from None
    if not isinstance(value, Mapping):
        raise Damaged(f"{name} holds JSON that is no object.")
    return value
