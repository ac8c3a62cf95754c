"""JSON as Azure and the contract give it: the types that travel instead of ``Any``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = (
    "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
JsonObject: TypeAlias = Mapping[str, JsonValue]


def as_object(value: JsonValue) -> JsonObject:
    """``value`` when it is an object, else an empty one."""
    # Nearly every object is a dict; asking for that first takes a third of the time.
    return value if isinstance(value, (dict, Mapping)) else {}


def as_list(value: JsonValue) -> Sequence[JsonValue]:
    """``value`` when it is a list, else an empty one."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def as_text(value: JsonValue) -> str:
    """``value`` when it is text, else the empty text."""
    return value if isinstance(value, str) else ""


def as_texts(value: JsonValue) -> tuple[str, ...]:
    """The entries of ``value`` as text when it is a list, else none."""
    return tuple(as_text(entry) for entry in as_list(value))


def as_text_map(value: JsonValue) -> dict[str, str]:
    """The members of ``value`` as text when it is an object (tags are), else none."""
    return {name: as_text(text) for name, text in as_object(value).items()}


def as_int(value: JsonValue) -> int:
    """``value`` as a whole number; 0 when it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def storable(value: JsonValue) -> JsonValue:
    """``value`` with U+FFFD for each NUL in names and texts: PostgreSQL keeps none in a text."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, Mapping):
        return {name.replace("\x00", "\ufffd"): storable(one) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [storable(one) for one in value]
    return value


def dig(value: JsonValue, *path: str) -> JsonValue:
    """The member at ``path`` below ``value``; ``None`` when any step is missing."""
    for name in path:
        value = as_object(value).get(name)
    return value
