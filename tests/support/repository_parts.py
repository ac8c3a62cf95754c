"""The appliance's API with repositories and the jobs that make, change and remove them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from httpx2 import Response
from sqlalchemy.orm import Session

from kyanite.areas.repositories import Followers, Repositories, SecondLook, ThisAppliance
from kyanite.areas.repositories.creation import RepositoryCreation
from kyanite.areas.repositories.editing import RepositoryEditing
from kyanite.areas.repositories.jobs import register_jobs
from kyanite.areas.repositories.jobs.tools import RepositoryTools
from kyanite.areas.repositories.metadata import RepositoryMetadata
from kyanite.areas.repositories.passwords import RepositoryPasswords
from kyanite.areas.repositories.removal import RepositoryRemoval
from kyanite.areas.repositories.repositories import Place
from kyanite.areas.repositories.routes import routers as repository_routers
from kyanite.areas.repositories.taking_over import RepositoryTakeOver
from kyanite.azure.blob.storage import BlobStorage
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text
from kyanite.base.units import MIB
from kyanite.db.database import Database
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.runtime import Runtime
from kyanite.engine.backup import back_up
from kyanite.engine.disk_input import DiskInput
from kyanite.engine.point import Point
from kyanite.engine.repository import Repository as EngineRepository
from kyanite.http.routes import Routes
from support.azure_parts import SECRETS, AzureParts
from support.jobs import QUICK, read_log, wait_until_final
from support.lab import Azure

REPOSITORIES = "/repositories"


@dataclass
class RememberingFollower:
    """A workload that keeps what it was told."""

    user_kind: str = "vm-policy"
    policy_type: str = "VirtualMachines"
    imported: list[Point] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    hurt: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    writing: set[str] = field(default_factory=set)

    def policy_names(self, db: Session, policy_ids: Collection[str]) -> Mapping[str, str]:
        """Every policy is called after its id."""
        del db
        return {policy_id: f"policy {policy_id[-4:]}" for policy_id in policy_ids}

    def import_points(self, db: Session, repository_id: str, points: Sequence[Point]) -> int:
        """All are new."""
        del db, repository_id
        self.imported.extend(points)
        return len(points)

    def show_locks(
        self, db: Session, repository_id: str, ends: Mapping[str, datetime | None]
    ) -> None:
        """Nothing is kept of them."""

    def show_hurt(self, db: Session, repository_id: str, hurt: Collection[str]) -> None:
        """Remember them."""
        del db, repository_id
        self.hurt = sorted(hurt)

    def known_points(self, db: Session, repository_id: str) -> set[str]:
        """Those that were imported."""
        del db, repository_id
        return {point.session_id for point in self.imported} - self.gone

    def forget_gone(self, db: Session, repository_id: str, point_ids: Collection[str]) -> int:
        """They are not known any more."""
        del db, repository_id
        self.gone |= set(point_ids)
        return len(point_ids)

    def writing_sessions(self, db: Session, repository_id: str) -> set[str]:
        """Those that the test says are at work."""
        del db, repository_id
        return self.writing

    def forget_points(self, db: Session, repository_id: str) -> None:
        """Nothing is left of them."""
        del db
        self.forgotten.append(repository_id)


class RepositoryParts(AzureParts):
    """An application wired up to repositories; its jobs run while it is open."""

    def __init__(
        self,
        database: Database,
        azure: Azure,
        name: str = "appliance-1",
        more_routers: Iterable[Routes] = (),
    ) -> None:
        super().__init__(database, azure, routers=[*repository_routers(), *more_routers])
        self.follower = RememberingFollower()
        followers = Followers((self.follower,))
        this = ThisAppliance(database, name)
        self.repositories = Repositories(database, SECRETS, self.access, this, self.api.clock)
        for part in (
            self.repositories,
            RepositoryCreation(database, SECRETS, self.repositories, self.api.clock),
            RepositoryEditing(SECRETS),
            RepositoryMetadata(database, self.repositories),
            RepositoryRemoval(followers),
            RepositoryPasswords(database, SECRETS, self.repositories, self.api.clock),
            RepositoryTakeOver(),
        ):
            self.api.provisions.add(part)
        registry = JobRegistry()
        register_jobs(
            registry,
            RepositoryTools(self.repositories, SECRETS, followers, this),
            SecondLook(self.repositories, followers),
        )
        self.runtime = Runtime(database, registry, timing=QUICK)
        self.runtime.start()
        self.account_id = self.save_account(f"account-{uuid.uuid4().hex[:8]}")

    def storage_id(self, name: str = "shopdata") -> str:
        """The system id of a storage account of the scene."""
        page = self.get("/cloudInfrastructure/storageAccounts", name=name)
        return as_text(as_object(as_list(page["results"])[0])["id"])

    def wanted(self, **other: object) -> dict[str, object]:
        """The body that creates an encrypted repository in a fresh folder."""
        return {
            "name": f"r-{uuid.uuid4().hex[:8]}",
            "azureAccountId": self.account_id,
            "azureStorageAccountId": self.storage_id(),
            "azureStorageContainer": "images",
            "azureStorageFolder": f"folder-{uuid.uuid4().hex[:12]}",
            "storageTier": "Inferred",
            "enableEncryption": True,
            "password": "correct horse",
            "hint": "safe 3",
            **other,
        }

    def create(self, **other: object) -> JsonObject:
        """Create a repository and wait until its session has succeeded; the repository."""
        answer = self.call("POST", REPOSITORIES, self.wanted(**other))
        session = self.succeeded(answer)
        info = as_object(session["repositoryJobInfo"])
        return self.get(f"{REPOSITORIES}/{info['repositoryId']}")

    def succeeded(self, answer: Response, status: str = "Success") -> JsonObject:
        """The session of a 202, after it has ended with ``status``."""
        assert answer.status_code == 202, answer.text
        body = answer.json()
        session: JsonObject = body[0] if isinstance(body, list) else body
        session_id = as_text(session["id"])
        ended = wait_until_final(self.database, session_id)
        assert ended == status, read_log(self.database, session_id)
        return session

    def storage_of(self, repository: JsonObject) -> BlobStorage:
        """The folder of a repository, reached as a stranger with the account's rights would."""
        with self.database.reading() as db:
            facts = self.repositories.facts(db, as_text(repository["id"]))
        return self.repositories.storage(
            Place(facts.account_id, facts.storage_account_azure_id, facts.container, facts.folder)
        )

    def close(self) -> None:
        """Stop the jobs, then the API."""
        self.runtime.stop(grace_seconds=5)
        super().close()


class FewBytes:
    """A disk with nothing but a few bytes at its start."""

    def read_into(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = bytes(len(buffer))
        if offset == 0:
            buffer[:6] = b"marker"


def back_up_a_little(
    engine: EngineRepository, session_id: str, lock_until: datetime | None = None
) -> None:
    """A restore point of a small disk."""
    ticket = engine.open_session(session_id, "machine-1", "web")
    disk = DiskInput("disk-1", "os", 4 * MIB, FewBytes())
    back_up(
        engine.storage, engine.backup_keys(ticket), ticket, [disk], b"{}", lock_until=lock_until
    )


def folder_of(repository: JsonObject) -> str:
    """The name of a repository's folder."""
    return as_text(as_object(repository["azureStorageFolder"])["name"])


@pytest.fixture
def repository_parts(sqlite_database: Database, azure: Azure) -> Iterator[RepositoryParts]:
    """The areas over a fresh database, with an account saved."""
    parts = RepositoryParts(sqlite_database, azure)
    yield parts
    parts.close()
