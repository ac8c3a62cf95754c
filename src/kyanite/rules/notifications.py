"""Who is told of the result of a session. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from kyanite.base.json_types import JsonObject, as_text

_FLAGS: Final = {
    "Success": "notifyOnSuccess",
    "Warning": "notifyOnWarning",
    "Error": "notifyOnFailure",
}
TOLD_RESULTS: Final[Collection[str]] = tuple(_FLAGS)


def recipients_of(
    everyone: Sequence[str], told: Collection[str], block: JsonObject, status: str
) -> tuple[str, ...]:
    """Each once: ``everyone`` if ``told`` names this result, and the policy's own.

    A policy whose block has everything switched off tells nobody.
    """
    if block and not any(block.get(member) is True for member in _FLAGS.values()):
        return ()
    found = list(everyone) if status in told else []
    if block.get(_FLAGS[status]) is True:
        found += split_addresses(as_text(block.get("recipient")))
    once: dict[str, str] = {}
    for address in found:
        once.setdefault(address.casefold(), address)
    return tuple(once.values())


def split_addresses(text: str) -> list[str]:
    """Addresses separated by semicolons."""
    return [one.strip() for one in text.split(";") if one.strip()]
