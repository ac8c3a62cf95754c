"""Query strings as existing clients send them, brought into the contract's spelling.

Names and enum values in any case; several values as repeated names, as a comma list or as a
JSON array; empty values count as absent, unknown names are ignored
(docs/behaviour/api-conventions.md §6, docs/behaviour/rulings.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel

from kyanite.http.shapes import Reading, Shape, shape_of

# Parameters that the contract requires although it describes what their absence means.
_ASSUMED = {"PeriodFlag": "Day"}


def _several(text: str) -> Iterable[str]:
    """The values in one occurrence of a parameter that may have many."""
    if text.startswith("["):
        try:
            values = orjson.loads(text)
        except orjson.JSONDecodeError:
            return [text]
        if isinstance(values, list) and not any(isinstance(one, dict | list) for one in values):
            return [str(value) for value in values if value is not None]
    return [part.strip() for part in text.split(",")]


Pairs = list[tuple[str, str]]


def canonical_query(raw: bytes, model: type[BaseModel], *, lenient: bool) -> tuple[Pairs, Reading]:
    """The names and values for `model`, and what was wrong with them.

    `lenient`: an enum value that the contract does not have is not wrong, it matches nothing;
    then `unknown_values` is set and no known value is left (rule for `v6` and `v7`).
    """
    reading = Reading()
    members = shape_of(model).members
    pairs: Pairs = []
    unmatched: set[str] = set()
    try:
        sent = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=10_000)
    except ValueError:
        reading.wrong("query", "The query has too many fields.")
        return [], reading
    for name, text in sent:
        wire_name, shape = members.get(name.lower(), ("", None))
        if shape is None or not text:
            continue
        many = shape.kind == "list"
        for value in _several(text) if many else [text]:
            if value:
                _add(reading, shape.item if many and shape.item else shape, wire_name, value, pairs)
    sent_names = {name.lower() for name, text in sent if text}
    for name, assumed in _ASSUMED.items():
        if name.lower() in members and name.lower() not in sent_names:
            pairs.append((name, assumed))
    if lenient and reading.unknown_values:
        enums = {wire for wire, shape in members.values() if _is_enum(shape)}
        unmatched = {name for name in reading.errors if name in enums}
        reading.errors = {k: v for k, v in reading.errors.items() if k not in unmatched}
    found = {name for name, _ in pairs}
    reading.unknown_values = bool(unmatched - found)
    return pairs, reading


def by_name(pairs: Pairs, model: type[BaseModel]) -> dict[str, object]:
    """What `model` is made from: lists where it has lists, else the last value of a name."""
    members = shape_of(model).members
    values: dict[str, object] = {}
    for name, value in pairs:
        if members[name.lower()][1].kind == "list":
            several = values.setdefault(name, [])
            assert isinstance(several, list)
            several.append(value)
        else:
            values[name] = value
    return values


def _is_enum(shape: Shape) -> bool:
    return shape.kind == "enum" or (shape.item is not None and shape.item.kind == "enum")


def _add(reading: Reading, shape: Shape, name: str, text: str, pairs: Pairs) -> None:
    if shape.kind == "enum" and len(shape.enum.get(text.lower(), ())) > 1:
        pairs.extend((name, value) for value in shape.enum[text.lower()])
        return
    value = reading.value(shape, text, name)
    if value is not None:
        pairs.append((name, str(value)))
