"""The `$filter` expressions of generic lists: equalities and `substringof`, joined by `and`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from azlab.core.errors import ArmError
from azlab.core.json_types import JsonObject, object_at

_EQUALS = re.compile(r"\s*([\w/]+)\s+eq\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)
_SUBSTRING = re.compile(r"\s*substringof\(\s*'((?:[^']|'')*)'\s*,\s*(\w+)\s*\)\s*", re.IGNORECASE)
_AND = re.compile(r"and\b", re.IGNORECASE)


def parse_filter(text: str, members: tuple[str, ...]) -> dict[str, str]:
    """The wanted value by lower-case member, `substringof(member)` for parts of a text.

    Anything but these is refused with the error Azure gives for filters it cannot read.
    """
    found: dict[str, str] = {}
    position = 0
    known = {member.lower() for member in members}
    while position < len(text):
        if match := _EQUALS.match(text, position):
            name, value = match[1].lower(), match[2]
        elif match := _SUBSTRING.match(text, position):
            name, value = f"substringof({match[2].lower()})", match[1]
        else:
            raise _invalid(text)
        if name not in known:
            raise _invalid(text)
        found[name] = value.replace("''", "'")
        position = match.end()
        if position < len(text):
            joint = _AND.match(text, position)
            if joint is None:
                raise _invalid(text)
            position = joint.end()
            if position >= len(text):
                raise _invalid(text)
    return found


def _invalid(text: str) -> ArmError:
    return ArmError(
        400,
        "InvalidFilterInQueryString",
        f"Invalid $filter '{text}' specified in the query string.",
    )


@dataclass(frozen=True)
class TagFilter:
    """The tag part of a filter; without a name everything fits."""

    name: str = ""
    value: str | None = None

    @staticmethod
    def of(wanted: Mapping[str, str]) -> "TagFilter":
        """Take `tagName` and `tagValue` out of a parsed filter."""
        return TagFilter(wanted.get("tagname", ""), wanted.get("tagvalue"))

    def fits(self, body: JsonObject) -> bool:
        """Whether the resource or group has the tag. Names compare without case, values with."""
        if not self.name:
            return True
        for name, value in object_at(body, "tags").items():
            if name.lower() == self.name.lower():
                return self.value is None or value == self.value
        return False
