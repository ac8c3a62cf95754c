"""Scans by several accounts, one after another: who sees what, and what is gone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from kyanite.areas.inventory import (
    STORAGE_ACCOUNT_USED_KIND,
    Kind,
    MachineFilter,
    find_machine,
    list_storage_accounts,
    list_subscriptions,
    machines_query,
)
from kyanite.areas.inventory.machine_mapping import Surroundings, machine_row
from kyanite.areas.inventory.plain_mapping import plain_row
from kyanite.areas.inventory.plain_queries import get_resource, list_tags, resources
from kyanite.areas.inventory.resource_mapping import storage_account_row, subscription_row
from kyanite.areas.inventory.store import (
    Row,
    forget_account,
    replace_resources,
    replace_subscriptions,
    replace_tags,
)
from kyanite.db.database import Database
from kyanite.db.uses import Thing, replace_uses
from kyanite.http.pages import Paging

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
LATER = datetime(2026, 2, 4, 10, 0, tzinfo=UTC)
SUBSCRIPTION = "11111111-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers"


def subscription() -> Row:
    raw = {"subscriptionId": SUBSCRIPTION, "displayName": "Production", "state": "Enabled"}
    return subscription_row(raw, "Global", "t1", "Lab")


def machine(name: str, region: str = "westeurope") -> Row:
    azure_id = f"{GROUP}/Microsoft.Compute/virtualMachines/{name}"
    return machine_row({"id": azure_id, "name": name, "location": region}, Surroundings())


def storage(name: str) -> Row:
    azure_id = f"{GROUP}/Microsoft.Storage/storageAccounts/{name}"
    return storage_account_row({"id": azure_id, "name": name, "location": "westeurope"})


def see(db: Session, account: str, rows: list[Row], now: datetime = NOW) -> None:
    replace_resources(db, account, SUBSCRIPTION, Kind.MACHINE, rows, now)


def names(db: Session, wanted: MachineFilter = MachineFilter()) -> list[str]:
    return [found.name for found in machines_query(db, wanted)]


@pytest.fixture
def scanned(database: Database) -> Database:
    """Two accounts see the subscription; one sees both machines, the other only ``web``."""
    with database.writing() as db:
        for account in ("a", "b"):
            replace_subscriptions(db, account, [subscription()], NOW)
        see(db, "a", [machine("db"), machine("web", "northeurope")])
        see(db, "b", [machine("web", "northeurope")])
    return database


def test_each_account_sees_its_own_machines(scanned: Database) -> None:
    with scanned.reading() as db:
        assert names(db) == ["db", "web"]
        assert names(db, MachineFilter(account_id="b")) == ["web"]
        assert names(db, MachineFilter(account_id="nobody")) == []


def test_filters_are_anded(scanned: Database) -> None:
    with scanned.reading() as db:
        assert names(db, MachineFilter(regions=("West Europe",))) == ["db"]
        assert names(db, MachineFilter(text="W")) == ["web"]
        assert names(db, MachineFilter(text="w", regions=("westeurope",))) == []
        assert names(db, MachineFilter(text="%")) == []
        assert names(db, MachineFilter(tenant_id="T1", subscription_id=SUBSCRIPTION)) == [
            "db",
            "web",
        ]
        group_id = machines_query(db)[0].resource_group_id
        assert names(db, MachineFilter(resource_group_id=group_id)) == ["db", "web"]


def test_a_scan_with_few_rights_does_not_declare_gone_what_others_see(scanned: Database) -> None:
    with scanned.writing() as db:
        see(db, "b", [], LATER)
    with scanned.reading() as db:
        assert names(db) == ["db", "web"]


def test_a_machine_that_nobody_sees_any_more_is_kept_as_removed(scanned: Database) -> None:
    with scanned.writing() as db:
        see(db, "a", [machine("web", "northeurope")], LATER)
    with scanned.reading() as db:
        assert names(db) == ["web"]
        assert names(db, MachineFilter(exists=False, account_id="b")) == ["db"]
        assert names(db, MachineFilter(exists=None)) == ["db", "web"]
        gone = find_machine(db, f"{GROUP}/Microsoft.Compute/virtualMachines/DB")
        assert gone is not None
        assert gone.removed_at == LATER


def test_a_machine_that_comes_back_is_there_again(scanned: Database) -> None:
    with scanned.writing() as db:
        see(db, "a", [], LATER)
        see(db, "b", [], LATER)
        see(db, "b", [machine("web")], LATER)
    with scanned.reading() as db:
        assert names(db) == ["web"]
        assert machines_query(db)[0].region == "westeurope"


def test_without_its_account_a_machine_is_out_of_sight_but_not_removed(scanned: Database) -> None:
    with scanned.writing() as db:
        forget_account(db, "a")
    with scanned.reading() as db:
        assert names(db, MachineFilter(exists=None)) == ["web"]
    with scanned.writing() as db:
        replace_subscriptions(db, "c", [subscription()], NOW)
        see(db, "c", [machine("db")], LATER)
    with scanned.reading() as db:
        assert names(db) == ["db", "web"]


def test_a_lost_subscription_takes_its_machines_out_of_sight(scanned: Database) -> None:
    with scanned.writing() as db:
        replace_subscriptions(db, "a", [], NOW)
        replace_subscriptions(db, "b", [], NOW)
    with scanned.reading() as db:
        assert names(db, MachineFilter(exists=None)) == []
        assert list_subscriptions(db) == []


def test_a_lost_storage_account_stays_listed_only_while_it_is_used(scanned: Database) -> None:
    kind = Kind.STORAGE_ACCOUNT
    with scanned.writing() as db:
        replace_resources(db, "a", SUBSCRIPTION, kind, [storage("used"), storage("free")], NOW)
        used = next(s for s in list_storage_accounts(db) if s.name == "used")
        thing = Thing(STORAGE_ACCOUNT_USED_KIND, used.id)
        replace_uses(db, Thing("repository", "r"), [thing])
        replace_resources(db, "a", SUBSCRIPTION, kind, [], LATER)
    with scanned.reading() as db:
        assert [(s.name, s.removed) for s in list_storage_accounts(db)] == [("used", True)]


def test_a_thing_listed_twice_is_one(scanned: Database) -> None:
    with scanned.writing() as db:
        see(db, "a", [machine("db"), machine("db"), *[machine(f"m{n}") for n in range(450)]])
    with scanned.reading() as db:
        assert len(machines_query(db, MachineFilter(account_id="a"))) == 451


def vault(name: str) -> Row:
    azure_id = f"{GROUP}/Microsoft.KeyVault/vaults/{name}"
    return plain_row(Kind.KEY_VAULT, {"id": azure_id, "name": name, "location": "westeurope"})


def test_a_lost_vault_stays_listed_only_while_it_is_used(scanned: Database) -> None:
    kind = Kind.KEY_VAULT
    with scanned.writing() as db:
        replace_resources(db, "a", SUBSCRIPTION, kind, [vault("used"), vault("free")], NOW)
        used = get_resource(db, kind, f"{GROUP}/Microsoft.KeyVault/vaults/used")
        replace_uses(db, Thing("repository", "r"), [Thing(kind.value, used.id)])
        replace_resources(db, "a", SUBSCRIPTION, kind, [], LATER)
    with scanned.reading() as db:
        assert [(row.name, row.removed_at) for row in db.scalars(resources(kind))] == [
            ("used", LATER)
        ]


def test_a_scan_that_finds_nothing_new_writes_only_that_it_looked(scanned: Database) -> None:
    with scanned.writing() as db:
        written: list[str] = []

        def note(*arguments: object) -> None:
            statement = str(arguments[2])
            is_look = "inventory_looks" in statement
            if not is_look and not statement.lstrip().upper().startswith("SELECT"):
                written.append(statement)

        connection = db.connection()
        event.listen(connection, "before_cursor_execute", note)
        see(db, "a", [machine("db"), machine("web", "northeurope")], LATER)
        assert written == []
        see(db, "a", [machine("db", "northeurope"), machine("web", "northeurope")], LATER)
        assert len(written) == 1
        event.remove(connection, "before_cursor_execute", note)


def test_tags_are_those_of_the_last_look_of_each_account(scanned: Database) -> None:
    def seen(db: Session, account: str | None = None) -> list[tuple[str, str]]:
        found = list_tags(db, Paging(), account_id=account)
        return [(tag.name, tag.value) for tag in found.rows]

    kind = Kind.MACHINE
    with scanned.writing() as db:
        replace_tags(db, "a", SUBSCRIPTION, kind, [("Owner", "x"), ("stage", "test")])
        replace_tags(db, "b", SUBSCRIPTION, kind, [("owner", "x"), ("owner", "X")])
        assert {(name.lower(), value) for name, value in seen(db)} == {
            ("owner", "x"),
            ("owner", "X"),
            ("stage", "test"),
        }
        assert len(seen(db)) == 3
        replace_tags(db, "a", SUBSCRIPTION, kind, [("stage", "test")])
        assert seen(db, "a") == [("stage", "test")]
        forget_account(db, "a")
        assert len(seen(db)) == 2
