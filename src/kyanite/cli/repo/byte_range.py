"""OFFSET:LENGTH on the command line, in bytes or with K, M, G, T (powers of 1024)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from kyanite.engine.ranges import ByteRange

if TYPE_CHECKING:  # generic for the type checker only in this version of click
    _Type = click.ParamType[object]
else:
    _Type = click.ParamType

_NUMBER: Final = re.compile(r"(\d{1,18})([KMGT]?)(?:i?B)?", re.ASCII | re.IGNORECASE)


def parse_size(text: str) -> int:
    """A number of bytes. Raises ``BadParameter``."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no number of bytes; write 4096, 64K or 2G.")
    power = " KMGT".index(found[2].upper()) if found[2] else 0
    return int(found[1]) << (10 * power)


class RangeType(_Type):
    """A range of a disk."""

    name = "offset:length"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> ByteRange:
        if isinstance(value, ByteRange):
            return value
        offset, colon, length = str(value).partition(":")
        if not colon:
            raise click.BadParameter(f"{value!r} is no range; write OFFSET:LENGTH.")
        found = ByteRange(parse_size(offset), parse_size(length))
        if not found.length:
            raise click.BadParameter("The range is empty.")
        return found


class SizeType(_Type):
    """A number of bytes."""

    name = "size"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> int:
        return value if isinstance(value, int) else parse_size(str(value))
