"""Who may write to repositories: asked of the folders themselves, whenever it matters.

What the database says of an owner is what was last seen. Another appliance may have taken a
folder over since, or given it back (docs/behaviour/repositories.md, section 8).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import RepositoryFacts
from kyanite.areas.repositories.mark import Mark, Owner, read_mark, write_mark
from kyanite.areas.repositories.this_appliance import ThisAppliance
from kyanite.azure.pauses import Check
from kyanite.base.errors import Conflict, StorageUnavailable, Throttled, Transient
from kyanite.db.database import Database
from kyanite.engine.storage.base import Storage

WATCH_SECONDS: Final = 20.0
"""How long a writer goes on at most after its repository was taken over."""


class Ownership:
    """The owners of folders, as this appliance finds them. Thread-safe."""

    def __init__(self, database: Database, this_appliance: ThisAppliance) -> None:
        self._database = database
        self._this_appliance = this_appliance

    def look(self, own: RepositoryFacts, storage: Storage) -> Owner | None:
        """Who owns the folder now, if anybody; the database is told when that is news."""
        mark = read_mark(storage)
        owner = mark.owner if mark is not None else None
        self._note(own, owner)
        return owner

    def is_us(self, owner: Owner | None) -> bool:
        """Whether an owner is this appliance."""
        return owner is not None and owner.id == self._this_appliance.owner().id

    def require(self, own: RepositoryFacts, storage: Storage) -> None:
        """See that this appliance may write, before it does.

        A folder that nobody owns, since its owner has given it up, becomes ours: of two
        appliances that find it so, one does. Raises ``Conflict`` when another owns it.
        """
        mark = read_mark(storage)
        owner = mark.owner if mark is not None else None
        if mark is not None and owner is None:
            owner = self._claim(storage, mark)
        other = self._note(own, owner)
        if other is not None:
            raise another_owner(own, other.name or other.id)

    def _claim(self, storage: Storage, mark: Mark) -> Owner | None:
        try:
            write_mark(storage, replace(mark, owner=self._this_appliance.owner()))
        except Conflict:
            found = read_mark(storage)
            if found is None or found.owner is None:
                raise
            return found.owner
        return self._this_appliance.owner()

    def _note(self, own: RepositoryFacts, owner: Owner | None) -> Owner | None:
        """Keep what was found; the owner if it is another one."""
        other = None if self.is_us(owner) else owner
        found = (other.id, other.name) if other is not None else (None, None)
        if found != (own.owner_id, own.owner_name):
            with self._database.writing() as db:
                row = queries.find_row(db, own.id)
                if row is not None:
                    row.owner_id, row.owner_name = found
        return other


def another_owner(repository: RepositoryFacts, name: str) -> Conflict:
    """The refusal to write to a repository of another appliance."""
    return Conflict(
        f"The repository {repository.name} belongs to the appliance {name}; "
        "take it over before writing to it.",
        resource_id=repository.id,
    )


def watched(look: Callable[[], None], check: Check, seconds: float = WATCH_SECONDS) -> Check:
    """``check``, which also calls ``look`` from time to time: for long writing.

    A look that cannot be had now is had later: a storage that does not answer is not written
    to either.
    """
    next_look = time.monotonic() + seconds

    def check_and_look() -> None:
        nonlocal next_look
        check()
        if time.monotonic() < next_look:
            return
        next_look = time.monotonic() + seconds
        try:
            look()
        except (Transient, Throttled, StorageUnavailable):
            return

    return check_and_look
