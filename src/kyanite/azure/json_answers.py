"""The JSON of answers, as it can be kept."""

from __future__ import annotations

from typing import Final

import orjson

from kyanite.base.json_types import JsonValue, storable

_ESCAPED_NUL: Final = rb"\u0000"


def read_json(content: bytes) -> JsonValue:
    """What an answer says, with U+FFFD for NUL. Raises ``ValueError``, ``RecursionError``."""
    found: JsonValue = orjson.loads(content)
    # Answers are large, and hardly one has it.
    return storable(found) if _ESCAPED_NUL in content else found
