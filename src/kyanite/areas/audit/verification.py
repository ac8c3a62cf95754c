"""Finding out whether the audit log is what was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kyanite.areas.audit import queries
from kyanite.areas.audit.anchor import Anchor
from kyanite.areas.audit.chain import KEY_PURPOSE, NO_ENTRY, Head, entry_hash
from kyanite.base.errors import Damaged
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox

_AT_ONCE: Final = 1000


@dataclass(frozen=True)
class Verified:
    """What was found: how many entries are good, and the head to note elsewhere."""

    entries: int
    head: Head


def verify(
    database: Database,
    secrets: SecretBox,
    anchor: Anchor | None = None,
    expected: Head | None = None,
) -> Verified:
    """Read the whole log, in constant memory.

    ``expected`` is a head that somebody has noted. Raises `Damaged`, which names the first entry
    that is not what was written.
    """
    known = {"the note in the appliance's folder": anchor.read() if anchor else None}
    known["the head that was given"] = expected
    hash_at = {head.number: "" for head in known.values() if head}
    # The head first: entries that are written meanwhile come after it.
    with database.reading() as db:
        row = queries.find_head(db)
    head = Head(row.number, row.hash, row.broken_at) if row else Head()
    if row and not head.is_sealed_by(secrets.derived_key(KEY_PURPOSE), row.seal):
        raise Damaged("The head of the audit log was not sealed by this appliance.")
    if head.broken_at is not None:
        raise Damaged(
            f"When entry {head.broken_at} of the audit log was written, its head had been "
            "changed by somebody else."
        )
    number, last = 0, NO_ENTRY
    while number < head.number:
        with database.reading() as db:
            rows = queries.entries_after(db, number, min(_AT_ONCE, head.number - number))
        for entry_row in rows:
            number += 1
            if entry_row.number != number:
                raise Damaged(f"Entry {number} of the audit log is missing.")
            last = entry_hash(last, queries.entry_of(entry_row))
            if last != entry_row.hash:
                raise Damaged(f"Entry {number} of the audit log is not what was written.")
            if number in hash_at:
                hash_at[number] = last
        if not rows:
            raise Damaged(f"The audit log ends at entry {number}; {head.number} were written.")
    if last != head.hash:
        raise Damaged(f"Entry {number} of the audit log is not the one that was written last.")
    _compare(known, hash_at, head)
    with database.reading() as db:
        if row is None and queries.last_number(db):
            raise Damaged("The audit log has entries but no head.")
    return Verified(number, head)


def _compare(known: dict[str, Head | None], hash_at: dict[int, str], head: Head) -> None:
    """Raise `Damaged` unless the log holds all heads that were noted elsewhere."""
    for where, noted in known.items():
        if noted is None:
            continue
        if noted.number > head.number:
            raise Damaged(
                f"The audit log has {head.number} entries; by {where} it had {noted.number}."
            )
        if hash_at[noted.number] != noted.hash and noted != Head(0, NO_ENTRY):
            raise Damaged(f"Entry {noted.number} of the audit log is not the one in {where}.")
