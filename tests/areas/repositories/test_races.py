"""Two who want the same thing at the same time: one gets it. On both databases, no Azure."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess, Clouds
from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.areas.inventory import Kind
from kyanite.areas.inventory.resource_mapping import storage_account_row, subscription_row
from kyanite.areas.inventory.store import replace_resources, replace_subscriptions
from kyanite.areas.repositories import Followers, Repositories, ThisAppliance
from kyanite.areas.repositories.creation import RepositoryCreation
from kyanite.areas.repositories.new_repository import NewRepository
from kyanite.areas.repositories.removal import RepositoryRemoval
from kyanite.areas.repositories.tables import RepositoryRow
from kyanite.base.clock import ManualClock
from kyanite.base.errors import Conflict
from kyanite.base.identifiers import system_id
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.durable.session_tables import SessionRow

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
ACCOUNT = "01890000-0000-7000-8000-000000000001"
SUBSCRIPTION = "11111111-0000-0000-0000-000000000001"
STORAGE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers"
    "/Microsoft.Storage/storageAccounts/backups"
)
BOX = SecretBox(bytes(32))


@pytest.fixture
def known(database: Database) -> Database:
    """A database that knows an account and a storage account."""
    with database.writing() as db:
        db.add(
            ServiceAccountRow(
                id=ACCOUNT,
                name="a",
                name_key="a",
                environment="Global",
                application_id=ACCOUNT,
                tenant_id="t1",
                origin="Imported Secret",
                credential_sealed=b"",
                purposes=["Repository"],
                chosen_subscription_ids=[],
                visible_subscription_ids=[],
                permission_states=[],
                selected_for_workers=False,
                created_at=NOW,
            )
        )
        subscription = {"subscriptionId": SUBSCRIPTION, "displayName": "P"}
        replace_subscriptions(
            db, ACCOUNT, [subscription_row(subscription, "Global", "t1", None)], NOW
        )
        storage = storage_account_row(
            {"id": STORAGE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        )
        replace_resources(db, ACCOUNT, SUBSCRIPTION, Kind.STORAGE_ACCOUNT, [storage], NOW)
    return database


def creation_in(database: Database) -> RepositoryCreation:
    """The use case."""
    access = AzureAccess(database, BOX, Clouds())
    repositories = Repositories(database, BOX, access, ThisAppliance(database, "x"))
    return RepositoryCreation(database, BOX, repositories, ManualClock(NOW))


def wanted(name: str, folder: str) -> NewRepository:
    """A repository to create."""
    return NewRepository(
        account_id=ACCOUNT,
        storage_account_id=system_id(STORAGE),
        container="backups",
        folder=folder,
        name=name,
        description=None,
        tier="Hot",
        concurrency_limit=None,
        import_existing=False,
        auto_create_tiers=False,
        enable_encryption=True,
        password="pw",
    )


def at_once(database: Database, acts: list[Callable[[Session], object]]) -> list[object]:
    """Run each of ``acts`` in a transaction of its own, all together; results or conflicts."""
    start = Barrier(len(acts))

    def run(act: Callable[[Session], object]) -> object:
        start.wait()
        try:
            with database.writing() as db:
                return act(db)
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def count(database: Database, table: type[RepositoryRow] | type[SessionRow]) -> int:
    """How many rows there are."""
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize(
    ("first", "second"),
    [(wanted("one", "f"), wanted("two", "f")), (wanted("One", "f"), wanted("oNE", "g"))],
    ids=["same folder", "same name"],
)
def test_of_two_creations_at_once_one_is_refused(
    known: Database, first: NewRepository, second: NewRepository
) -> None:
    creation = creation_in(known)
    outcomes = at_once(
        known,
        [
            lambda db: creation.start(db, [first], "x"),
            lambda db: creation.start(db, [second], "y"),
        ],
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    assert count(known, RepositoryRow) == count(known, SessionRow) == 1


def test_of_two_removals_at_once_one_is_refused_and_names_the_other(known: Database) -> None:
    creation = creation_in(known)
    with known.writing() as db:
        (created,) = creation.start(db, [wanted("one", "f")], "x")
        session = db.get_one(SessionRow, created)
        session.status, session.exclusive_key = "Success", None
        repository_id = str(session.repository_id)
    removal = RepositoryRemoval(Followers())
    outcomes = at_once(known, [lambda db: removal.start(db, repository_id, "x")] * 2)
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    (started,) = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert refused.session_id == started


def test_a_repository_cannot_be_removed_while_it_is_created(known: Database) -> None:
    with known.writing() as db:
        (created,) = creation_in(known).start(db, [wanted("one", "f")], "x")
        repository_id = str(db.get_one(SessionRow, created).repository_id)
    with known.writing() as db, pytest.raises(Conflict) as refused:
        RepositoryRemoval(Followers()).start(db, repository_id, "x")
    assert refused.value.session_id == created
