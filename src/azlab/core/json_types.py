"""JSON values with a type, and the few ways of looking into them without casts.

A missing member reads as the empty value; a member of the wrong shape raises WrongShape, which
the ARM layer answers with 400 `InvalidRequestContent`. `null` reads as missing, as Azure does.
"""

from typing import TypeAlias

import orjson

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, "JsonValue"]


class WrongShape(ValueError):
    """A JSON document is not built as its reader needs it; the text names the member."""


def parse_object(data: bytes) -> JsonObject:
    """The JSON object in `data`; WrongShape when it is something else or no JSON at all."""
    try:
        value: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WrongShape(f"The content is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise WrongShape("The content must be a JSON object.")
    return value


def encode(value: JsonValue) -> bytes:
    """The shortest UTF-8 JSON text of `value`."""
    return orjson.dumps(value)


def object_at(source: JsonObject, *path: str) -> JsonObject:
    """The object under a chain of member names; empty when any of them is missing."""
    here = source
    for name in path:
        value = here.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise WrongShape(f"The member '{'.'.join(path)}' must be an object.")
        here = value
    return here


def make_object_at(source: JsonObject, *path: str) -> JsonObject:
    """Like object_at, but creates what is missing so that the answer can be written to."""
    here = source
    for name in path:
        value = here.get(name)
        if value is None:
            value = here[name] = {}
        if not isinstance(value, dict):
            raise WrongShape(f"The member '{'.'.join(path)}' must be an object.")
        here = value
    return here


def text_at(source: JsonObject, *path: str) -> str:
    """The text under a chain of member names; empty when missing."""
    value = object_at(source, *path[:-1]).get(path[-1])
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WrongShape(f"The member '{'.'.join(path)}' must be a string.")
    return value


def integer_at(source: JsonObject, *path: str) -> int | None:
    """The whole number under a chain of member names; None when missing."""
    value = object_at(source, *path[:-1]).get(path[-1])
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongShape(f"The member '{'.'.join(path)}' must be an integer.")
    return value


def number_at(source: JsonObject, *path: str) -> float | None:
    """The number under a chain of member names; None when missing."""
    value = object_at(source, *path[:-1]).get(path[-1])
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongShape(f"The member '{'.'.join(path)}' must be a number.")
    return float(value)


def flag_at(source: JsonObject, *path: str) -> bool | None:
    """The truth value under a chain of member names; None when missing."""
    value = object_at(source, *path[:-1]).get(path[-1])
    if value is None:
        return None
    if not isinstance(value, bool):
        raise WrongShape(f"The member '{'.'.join(path)}' must be true or false.")
    return value


def list_at(source: JsonObject, *path: str) -> list[JsonValue]:
    """The array under a chain of member names; empty when missing."""
    value = object_at(source, *path[:-1]).get(path[-1])
    if value is None:
        return []
    if not isinstance(value, list):
        raise WrongShape(f"The member '{'.'.join(path)}' must be an array.")
    return value


def objects_at(source: JsonObject, *path: str) -> list[JsonObject]:
    """The array of objects under a chain of member names; empty when missing."""
    found: list[JsonObject] = []
    for value in list_at(source, *path):
        if not isinstance(value, dict):
            raise WrongShape(f"The member '{'.'.join(path)}' must be an array of objects.")
        found.append(value)
    return found


def texts_at(source: JsonObject, *path: str) -> list[str]:
    """The array of texts under a chain of member names; empty when missing."""
    found: list[str] = []
    for value in list_at(source, *path):
        if not isinstance(value, str):
            raise WrongShape(f"The member '{'.'.join(path)}' must be an array of strings.")
        found.append(value)
    return found


def string_map_at(source: JsonObject, *path: str) -> dict[str, str]:
    """The object with only text values (such as tags) under a chain of names."""
    found: dict[str, str] = {}
    for name, value in object_at(source, *path).items():
        if not isinstance(value, str):
            raise WrongShape(f"The member '{'.'.join(path)}.{name}' must be a string.")
        found[name] = value
    return found
