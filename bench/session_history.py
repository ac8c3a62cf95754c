"""A long history of sessions, as three years of work would leave it, written in bulk."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from kyanite.base.identifiers import system_id
from kyanite.db.database import Database
from kyanite.durable.history import close_days
from kyanite.durable.history_tables import SessionNameRow
from kyanite.durable.session_tables import ItemRow, SessionRow

DAYS = 1095
POLICIES = 200
MACHINES = 5_000
REPOSITORIES = 20
_AT_ONCE = 10_000

# Type → how often, of all sessions.
_TYPES: Mapping[str, float] = {
    "PolicySnapshot": 0.45,
    "PolicyBackup": 0.35,
    "VmSnapshotRetention": 0.08,
    "BackupRetention": 0.04,
    "InfrastructureRescan": 0.03,
    "RestoreVms": 0.02,
    "SnapshotDeletion": 0.015,
    "PolicyArchive": 0.01,
    "RepositoryEdit": 0.004,
    "RepositoryCreation": 0.001,
}
_STATUSES: Mapping[str, float] = {
    "Success": 0.9,
    "Warning": 0.06,
    "Error": 0.0395,
    "Canceled": 0.0005,
}


def policy_id(number: int) -> str:
    """The id of a policy."""
    return str(UUID(int=0x7000_8000_0000_0000_0000 + number))


def policy_name(number: int) -> str:
    """The name of a policy."""
    return f"Policy {number:03} of department {number % 17}"


def machine_id(number: int) -> str:
    """The system id of a machine."""
    return system_id(f"/subscriptions/s/virtualMachines/{machine_name(number)}")


def machine_name(number: int) -> str:
    """The name of a machine."""
    return f"web-{number:05}"


def write_history(database: Database, now: datetime, sessions: int) -> None:
    """Write so many sessions, most with one machine each, the last of them a minute ago."""
    rows = _sessions(now, sessions)
    machines = [machine_id(number) for number in range(MACHINES)]
    chance = random.Random(7)
    indexes = [*SessionRow.metadata.tables["sessions"].indexes]
    indexes += SessionRow.metadata.tables["session_items"].indexes
    for index in indexes:
        index.drop(database.engine)
    while some := list(islice(rows, _AT_ONCE)):
        items = [
            _item(row, number, machines[number])
            for row in some
            if row["policy_id"]
            for number in (chance.randrange(MACHINES),)
        ]
        with database.writing() as db:
            db.execute(insert(SessionRow), some)
            db.execute(insert(ItemRow), items)
    for index in indexes:
        index.create(database.engine)
    with database.writing() as db:
        db.execute(insert(SessionNameRow), list(_names(machines)))
    close_days(database, now)
    with database.engine.connect() as connection:
        analyse = "ANALYZE" if database.kind == "sqlite" else "VACUUM ANALYZE"
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(analyse))


def _sessions(now: datetime, count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(5)
    types = chance.choices(list(_TYPES), list(_TYPES.values()), k=count)
    statuses = chance.choices(list(_STATUSES), list(_STATUSES.values()), k=count)
    step = timedelta(days=DAYS) / count
    for number, (type_name, status) in enumerate(zip(types, statuses, strict=True)):
        began = now - timedelta(minutes=1) - step * (count - number)
        of_policy = type_name.startswith("Policy")
        policy = chance.randrange(POLICIES)
        repository = chance.randrange(REPOSITORIES)
        with_repository = type_name in ("PolicyBackup", "RepositoryEdit", "RepositoryCreation")
        milliseconds = int(began.timestamp() * 1000)
        yield {
            "id": str(UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number)),
            "type": type_name,
            "status": status,
            "created_at": began,
            "began_at": began,
            "started_at": began,
            "finished_at": began + timedelta(seconds=chance.randrange(20, 3000)),
            "initiator": "schedule",
            "policy_id": policy_id(policy) if of_policy else None,
            "policy_name": policy_name(policy) if of_policy else None,
            "policy_type": "VirtualMachines" if of_policy else None,
            "policy_removed": False,
            "repository_id": f"repository-{repository}" if with_repository else None,
            "repository_name": f"vault {repository}" if with_repository else None,
            "repository_removed": False,
            "warned": False,
            "failed": False,
        }


def _item(session: Mapping[str, Any], number: int, resource_id: str) -> dict[str, Any]:
    name = machine_name(number)
    return {
        "session_id": session["id"],
        "kind": "protected",
        "key": resource_id,
        "job_id": session["id"],
        "resource_id": resource_id,
        "name": name,
        "resource": {"id": resource_id, "name": name, "resourceType": "VirtualMachine"},
        "created_at": session["began_at"],
    }


def _names(machines: list[str]) -> Iterator[dict[str, str]]:
    for number in range(POLICIES):
        yield {"kind": "policy", "ref": policy_id(number), "name": policy_name(number)}
    for number in range(REPOSITORIES):
        yield {"kind": "repository", "ref": f"repository-{number}", "name": f"vault {number}"}
    for number, resource_id in enumerate(machines):
        yield {"kind": "resource", "ref": resource_id, "name": machine_name(number)}
