"""The licence agreement: there is one, and it keeps nobody from anything.

The licence of the product is accepted by whoever starts the appliance for the first time
(docs/behaviour/rulings.md). A later version with another text is to be accepted anew; until
then `accepted` says so, and the API works all the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.tables import SettingRow
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid

LICENCE_TYPE: Final = "AGPL-3.0-or-later"
_ACCEPTED: Final = "accepted_agreement:"


@dataclass(frozen=True)
class Agreement:
    """A text to be agreed to. ``checksum`` is its SHA-256 in hexadecimal digits."""

    type: str
    content: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()


@cache
def agreements() -> tuple[Agreement, ...]:
    """All agreements of this version."""
    text = files("kyanite.areas.appliance").joinpath("agpl-3.0.txt").read_text(encoding="utf-8")
    return (Agreement(LICENCE_TYPE, text),)


def accept_at_first_start(db: Session, clock: Clock) -> None:
    """What whoever starts the appliance for the first time agrees to by doing so."""
    for agreement in agreements():
        if db.get(SettingRow, _ACCEPTED + agreement.type) is None:
            _accept(db, agreement, clock)


def all_accepted(db: Session) -> bool:
    """Whether every agreement was accepted with its present text."""
    return all(_is_accepted(db, one) for one in agreements())


def accept(db: Session, types_and_checksums: list[tuple[str, str]], clock: Clock) -> None:
    """Accept agreements, named with the checksum of the text that was read.

    Raises Invalid for a type that does not exist or the checksum of another text; then nothing
    is accepted.
    """
    if not types_and_checksums:
        raise Invalid.member("body", "Name what is accepted.")
    known = {one.type: one for one in agreements()}
    errors: dict[str, list[str]] = {}
    for index, (type_name, checksum) in enumerate(types_and_checksums):
        if type_name not in known:
            errors[f"[{index}].type"] = ["There is no agreement of this type."]
        elif checksum.lower() != known[type_name].checksum:
            errors[f"[{index}].checksum"] = ["The agreement has another text: read it again."]
    if errors:
        raise Invalid("This was not accepted.", errors)
    for type_name, _ in types_and_checksums:
        _accept(db, known[type_name], clock)


def _accept(db: Session, agreement: Agreement, clock: Clock) -> None:
    name = _ACCEPTED + agreement.type
    db.merge(SettingRow(name=name, value=agreement.checksum, changed_at=clock.now()))
    db.flush()


def _is_accepted(db: Session, agreement: Agreement) -> bool:
    row = db.get(SettingRow, _ACCEPTED + agreement.type)
    return row is not None and row.value == agreement.checksum
