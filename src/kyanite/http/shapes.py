"""What a request may look like, and bringing what clients send into that form.

Clients of this API spell members and enum values in any case, send empty texts for "nothing",
dates without a time and so on (docs/behaviour/rulings.md, "What existing clients of this API
really send"). Before a body or a query reaches pydantic it is walked beside its model and
brought into the contract's spelling here. Only this walk knows the clients' habits: models
stay plain.

`Unknown` is a possible answer in nearly every enum and never a valid input; the walk refuses it.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

# As many as a person reads; a request may hold a million wrong values.
MOST_ERRORS = 100

_MOMENT = re.compile(
    r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([ +-]\d\d:?\d\d|Z)?)?$", re.I
)

# Values that older versions and documents spell differently: by enum and lower-case spelling.
# `AuthorizationCode`: the table and the prose of the contract disagree.
_OTHER_SPELLINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "GrantType": {"authorization_code": ("Authentication_code",)},
    "JobSessionFilterType": {
        "cosmosdbpolicybackup": ("PostgresDbPolicyBackup", "MongoDbPolicyBackup"),
        "cosmosdbpolicyarchive": ("PostgresDbPolicyArchive", "MongoDbPolicyArchive"),
        "cosmosdbmanualbackup": ("PostgresDbManualBackup", "MongoDbManualBackup"),
    },
}


@dataclass(frozen=True)
class Shape:
    """What a value may be: one of an enum, a model, a list or map of something, or plain."""

    kind: str  # "enum", "model", "list", "map", "text", "time", "other"
    nullable: bool
    enum: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # lower case → wire values
    model: type[BaseModel] | None = None
    item: Shape | None = None

    @property
    def members(self) -> Mapping[str, tuple[str, Shape]]:
        """Lower-case member name → (wire name, shape)."""
        assert self.model is not None
        return _members(self.model)


@cache
def _members(model: type[BaseModel]) -> Mapping[str, tuple[str, Shape]]:
    return {
        (info.alias or name).lower(): (info.alias or name, shape_of(info.annotation))
        for name, info in model.model_fields.items()
    }


@cache
def _spellings(enum: type[Enum]) -> Mapping[str, tuple[str, ...]]:
    own = {str(one.value).lower(): (str(one.value),) for one in enum if one.value != "Unknown"}
    known = {str(one.value) for one in enum}
    return own | {
        spelling: tuple(value for value in values if value in known)
        for spelling, values in _OTHER_SPELLINGS.get(enum.__name__, {}).items()
        if spelling not in own
    }


def shape_of(annotation: Any) -> Shape:
    """The shape of a type annotation as generated models have them."""
    nullable = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            options = [one for one in get_args(annotation) if one is not type(None)]
            nullable = nullable or len(options) < len(get_args(annotation))
            if len(options) != 1:
                return Shape("other", nullable)
            annotation = options[0]
        else:
            break
    if origin is list:
        return Shape("list", nullable, item=shape_of(get_args(annotation)[0]))
    if origin is dict:
        return Shape("map", nullable, item=shape_of(get_args(annotation)[1]))
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            return Shape("enum", nullable, enum=_spellings(annotation))
        if issubclass(annotation, BaseModel):
            return Shape("model", nullable, model=annotation)
        if annotation in (datetime, date):
            return Shape("time", nullable)
        if annotation is str:
            return Shape("text", nullable)
    return Shape("other", nullable)


class Reading:
    """One walk over what a client sent. `errors`: member name → what is wrong with it."""

    def __init__(self) -> None:
        self.errors: dict[str, list[str]] = {}
        self.unknown_values = False  # an enum value was sent that the contract does not have

    def wrong(self, where: str, sentence: str) -> None:
        if len(self.errors) < MOST_ERRORS:
            self.errors.setdefault(where or "body", []).append(sentence)

    def value(self, shape: Shape, value: object, where: str = "") -> object:
        """The value in the contract's spelling; what cannot be right is left for pydantic."""
        if isinstance(value, str):
            return self._text(shape, value, where)
        if isinstance(value, dict) and shape.kind == "model":
            return self._object(shape, value, where)
        if isinstance(value, dict) and shape.kind == "map" and shape.item:
            return {
                name: self.value(shape.item, one, f"{where}.{name}") for name, one in value.items()
            }
        if isinstance(value, list) and shape.kind == "list" and shape.item:
            return [
                self.value(shape.item, one, f"{where}[{index}]") for index, one in enumerate(value)
            ]
        return value

    def _object(self, shape: Shape, value: dict[str, object], where: str) -> dict[str, object]:
        canonical: dict[str, object] = {}
        for sent, one in value.items():
            wire_name, member = shape.members.get(sent.lower(), ("", None))
            if member is None or (sent != wire_name and wire_name in value):
                continue
            below = f"{where}.{wire_name}" if where else wire_name
            canonical[wire_name] = self.value(member, one, below)
        return canonical

    def _text(self, shape: Shape, value: str, where: str) -> object:
        if "\x00" in value:
            self.wrong(where, "A text may not contain the character NUL.")
        if not value and shape.nullable:
            return None
        if shape.kind == "enum":
            values = shape.enum.get(value.lower())
            if values is None:
                self.unknown_values = True
                self.wrong(where, f"One of {_listed(shape.enum)} is expected.")
                return None
            return values[0]
        if shape.kind == "time":
            moment = canonical_time(value)
            if moment is None:
                self.wrong(where, "A date and time as 2026-02-03T10:00:00Z is expected.")
                return None
            return moment
        return value


def _listed(enum: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(dict.fromkeys(value for values in enum.values() for value in values))


def canonical_time(text: str) -> str | None:
    """ISO 8601 in UTC for what clients send as a time, or None if it is none.

    A bare date is midnight UTC; a time without an offset is UTC; a blank where `+` belongs is
    what an unescaped query makes of it.
    """
    text = text.strip()
    if not _MOMENT.match(text):
        return None
    if len(text) > 10 and (blank := text.rfind(" ")) > 10:
        text = f"{text[:blank]}+{text[blank + 1 :]}"
    try:
        moment = datetime.fromisoformat(text.replace(",", "."))
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return aware.isoformat().replace("+00:00", "Z")
