"""Pages of the list of machines in an inventory of 50 000 (quick: 20 000); on both databases.

What is timed is what a request does between its transaction's beginning and its answer.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench.results_table import Figure
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.machine_mapping import Surroundings, machine_row
from kyanite.areas.inventory.resource_mapping import subscription_row
from kyanite.areas.inventory.store import replace_resources, replace_subscriptions
from kyanite.areas.vm.machine_list import machines
from kyanite.areas.vm.tables import ProtectedMachineRow, RestorePointRow
from kyanite.base.azure_names import arm_id, group_id
from kyanite.base.identifiers import new_id, system_id
from kyanite.contract.models.virtual_machine import GetVirtualMachinePageQuery
from kyanite.db.database import Database, sqlite_url
from kyanite.db.migrate import upgrade
from kyanite.http.pages import Paging

sys.path.append(str(Path(__file__).parent.parent / "tests"))

SUBSCRIPTIONS: Final = 20
FEW_SUBSCRIPTIONS: Final = 8
MACHINES: Final = 2500  # in each subscription
PROTECTED: Final = 500  # in each subscription
POINTS: Final = 4  # of each protected machine
GROUPS: Final = 25
ROUNDS: Final = 9
ACCOUNT: Final = "00000000-0000-4000-8000-00000000000a"
PAGE_MS: Final = 250.0  # with the exact total


def measure(subscriptions: int = SUBSCRIPTIONS) -> list[Figure]:
    """All figures, first with SQLite, then with PostgreSQL."""
    from support.postgresql import create_database, postgresql_server

    with tempfile.TemporaryDirectory(prefix="kyanite-machines-") as folder:
        figures = list(measure_one("SQLite", sqlite_url(Path(folder, "kyanite.db")), subscriptions))
    with postgresql_server() as server:
        url = create_database(server, "machines")
        return figures + list(measure_one("PostgreSQL", url, subscriptions))


def measure_one(name: str, url: str, subscriptions: int) -> Iterator[Figure]:
    """The figures of one database."""
    database = Database(url)
    upgrade(database)
    fill(database, datetime.now(UTC), subscriptions)
    for what, query in questions(subscriptions * MACHINES).items():
        wanted = GetVirtualMachinePageQuery.model_validate(query)
        times = []
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            with database.session_for_reading() as db:
                found = machines(db, wanted, Paging.of(wanted))
            times.append((time.perf_counter() - began) * 1000)
        median = statistics.median(times[1:])
        yield Figure(
            f"{name}: {what}",
            f"{median:.1f} ms ({len(found.rows)} of {found.total})",
            f"{PAGE_MS:.0f} ms",
            median <= PAGE_MS,
        )
    database.dispose()


def questions(machine_count: int) -> Mapping[str, dict[str, Any]]:
    """What is asked, with what it is called."""
    last, late = machine_count - 100, machine_count * 3 // 5
    subscription = subscription_id(7)
    group = system_id(group_id(subscription, "group-3"))
    return {
        "all": {},
        f"all, offset {last}": {"Offset": last},
        "a subscription": {"SubscriptionId": subscription},
        "a resource group": {"ResourceGroupId": group},
        "a region": {"RegionIds": ["northeurope"]},
        "an account": {"ServiceAccountId": ACCOUNT},
        "protected": {"ProtectionStatus": ["Protected"]},
        f"unprotected, offset {late}": {"ProtectionStatus": ["Unprotected"], "Offset": late},
        "backed up": {"BackupDestination": ["AzureBlob"]},
        "removed": {"ExistsState": "OnlyDeleted"},
        "search: part of few names": {"SearchPattern": "machine-7-12"},
        "search: nothing is called so": {"SearchPattern": "no such name"},
    }


def subscription_id(number: int) -> str:
    """One of the subscriptions."""
    return f"00000000-0000-4000-8000-{number:012}"


def fill(database: Database, now: datetime, count: int) -> None:
    """The inventory, and restore points of a part of it."""
    subscriptions = [
        subscription_row(
            {"subscriptionId": subscription_id(n), "displayName": f"s{n}", "state": "Enabled"},
            "Global",
            "tenant",
            "Company",
        )
        for n in range(count)
    ]
    with database.writing() as db:
        replace_subscriptions(db, ACCOUNT, subscriptions, now)
    for number in range(count):
        rows = [_machine(number, one) for one in range(MACHINES)]
        with database.writing() as db:
            replace_resources(db, ACCOUNT, subscription_id(number), Kind.MACHINE, rows, now)
            rest = rows[: -MACHINES // 100]  # the others were removed
            replace_resources(db, ACCOUNT, subscription_id(number), Kind.MACHINE, rest, now)
            db.add_all([_protected(row) for row in rows[:PROTECTED]])
            db.flush()
            db.add_all(_points(rows[:PROTECTED], now))


def _machine(subscription: int, number: int) -> dict[str, object]:
    azure_id = arm_id(
        subscription_id(subscription),
        f"group-{number % GROUPS}",
        "Microsoft.Compute/virtualMachines",
        f"machine-{subscription}-{number}",
    )
    region = ("westeurope", "northeurope")[number % 10 == 0]
    tags = {"owner": f"team-{number % 50}"}
    return machine_row({"id": azure_id, "location": region, "tags": tags}, Surroundings())


def _protected(row: Mapping[str, object]) -> ProtectedMachineRow:
    return ProtectedMachineRow(
        id=str(row["id"]),
        azure_id=str(row["azure_id"]),
        name=str(row["name"]),
        os_type="Linux",
        region=str(row["region"]),
        subscription_id=str(row["subscription_id"]),
        resource_group=str(row["resource_group"]),
        tenant_id="tenant",
        vm_size="Standard_B2s",
        total_size_gib=30,
    )


def _points(rows: Sequence[Mapping[str, object]], now: datetime) -> Iterator[RestorePointRow]:
    for row in rows:
        for number in range(POINTS):
            yield RestorePointRow(
                id=new_id(),
                machine_id=str(row["id"]),
                destination="AzureBlob" if number % 2 else "Snapshot",
                kind="Full",
                state="Ok",
                point_in_time=now - timedelta(days=number),
                flags="Daily",
                policy_name="daily",
                retention={},
                job_session_id=new_id(),
                backup_size_bytes=1,
                region=str(row["region"]),
                recipe={},
            )
