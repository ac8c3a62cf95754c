"""What the jobs of repositories work with."""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.areas.repositories import queries
from kyanite.areas.repositories.facts import RepositoryFacts, Status, from_row
from kyanite.areas.repositories.followers import Followers
from kyanite.areas.repositories.repositories import Repositories
from kyanite.areas.repositories.tables import RepositoryRow
from kyanite.areas.repositories.this_appliance import ThisAppliance
from kyanite.base.errors import NotFound
from kyanite.db.secrets import SecretBox
from kyanite.durable.context import JobContext
from kyanite.engine.repository import Repository as EngineRepository


@dataclass(frozen=True)
class RepositoryTools:
    """Put together once, when the appliance is wired."""

    access: Repositories
    secrets: SecretBox
    followers: Followers
    this_appliance: ThisAppliance

    def load(self, ctx: JobContext, repository_id: str) -> tuple[RepositoryFacts, str]:
        """The repository of a job, and the password its request handed over, if any.

        Raises ``NotFound`` when the repository is gone.
        """
        with ctx.database.reading() as db:
            row = queries.find_row(db, repository_id)
            if row is None:
                raise NotFound("The repository was removed before its session could work on it.")
            sealed = row.pending_password_sealed
            own = from_row(row)
        password = self.secrets.open_text(sealed, row_id=own.id) if sealed is not None else ""
        return own, password


def enter_engine(row: RepositoryRow, engine: EngineRepository, secrets: SecretBox) -> None:
    """From now on the appliance opens the repository by itself, with its master key as it is."""
    row.master_key_sealed = secrets.seal(engine.master_key, row_id=row.id)
    row.next_master_key_sealed = None
    row.engine_repository_id = engine.repository_id.hex()
    row.engine_fingerprint = engine.fingerprint.hex()
    row.pending_password_sealed = None


def show_status(ctx: JobContext, repository_id: str, status: Status) -> None:
    """Let people see where the work on a repository stands."""
    with ctx.transaction() as db:
        queries.get_row(db, repository_id).status = status.value
