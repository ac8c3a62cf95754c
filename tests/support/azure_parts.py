"""The appliance's API with service accounts and inventory, and an Azure for it to call.

The Azure is a lab, started once for a test run, or what ``KYANITE_TEST_AZURE`` names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
import requests
from httpx2 import Response

from kyanite.areas.accounts import (
    AzureAccess,
    Clouds,
    DescribeUsers,
    StandardAccounts,
    provide_accounts,
)
from kyanite.areas.accounts.routes import routers as account_routers
from kyanite.areas.inventory import (
    Inventory,
    LiveStorage,
    LiveVaults,
    MachineSizes,
    NewNetworks,
    SqlConnections,
)
from kyanite.areas.inventory.routes import routers as inventory_routers
from kyanite.areas.sessions.routes import routers as session_routers
from kyanite.base.json_types import JsonObject
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.http.routes import Routes
from support.api import ApiUnderTest
from support.lab import Azure, Control, LabProcess, lab_until_exit, read_lab_file

SECRETS = SecretBox(bytes(32))


class AzureParts:
    """An application whose areas up to the inventory are wired to an Azure."""

    def __init__(
        self,
        database: Database,
        azure: Azure,
        *,
        operation_wait_seconds: float = 60.0,
        routers: Iterable[Routes] = (),
        describe_users: Sequence[DescribeUsers] = (),
    ) -> None:
        self.azure = azure
        self.database = database
        self.api = ApiUnderTest(
            database,
            [*account_routers(), *inventory_routers(), *session_routers(), *routers],
            operation_wait_seconds=operation_wait_seconds,
        )
        self.clouds = Clouds(azure.arm, azure.ca or None)
        self.access = AzureAccess(database, SECRETS, self.clouds)
        self.inventory = Inventory(database, self.access, self.api.clock)
        self.accounts = provide_accounts(
            self.api.provisions,
            database,
            SECRETS,
            self.access,
            self.api.clock,
            (self.inventory,),
            describe_users,
        )
        for part in (
            self.inventory,
            LiveStorage(self.access),
            LiveVaults(self.access),
            MachineSizes(self.access, self.api.clock),
            NewNetworks(database, self.access, self.inventory),
            SqlConnections(self.access, StandardAccounts(SECRETS, self.api.clock)),
        ):
            self.api.provisions.add(part)

    def call(self, method: str, path: str, body: object = None, **query: object) -> Response:
        """A call of the administrator, below ``/api/v8.1`` unless it is one of our own."""
        answer: Response = self.api.client.request(
            method,
            path if path.startswith("/api/") else f"/api/v8.1{path}",
            json=body,
            params={name: str(value) for name, value in query.items()},
            headers=self.api.signed_in(),
        )
        return answer

    def get(self, path: str, **query: object) -> JsonObject:
        """The body of a GET that is answered with 200."""
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        found: JsonObject = answer.json()
        return found

    def login_parameters(self, **other: object) -> dict[str, object]:
        """``clientLoginParameters`` of the application that the Azure names."""
        return {
            "azureEnvironment": "Global",
            "applicationId": self.azure.client_id,
            "tenantId": self.azure.tenant_id,
            "clientSecret": self.azure.client_secret,
            **other,
        }

    def save_account(self, name: str = "lab", **other: object) -> str:
        """Save a service account through the API; returns its id."""
        answer = self.call(
            "POST",
            "/accounts/azure/service/saveByApp",
            {
                "accountInfo": {"name": name, "description": "of a test"},
                "clientLoginParameters": self.login_parameters(**other),
            },
        )
        assert answer.status_code == 200, answer.text
        account_id: str = answer.json()
        return account_id

    def arm(self, method: str, path: str, body: object = None) -> requests.Response:
        """A call of the Azure's own Resource Manager, as its owner; ``path`` has the version."""
        answer = requests.request(
            method,
            f"{self.azure.arm}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.azure.token()}"},
            verify=self.azure.ca or True,
            timeout=60,
        )
        assert answer.status_code < 300, answer.text
        return answer

    def close(self) -> None:
        """Stop what runs."""
        self.api.close()


@cache
def areas_lab() -> LabProcess:
    """The lab of the areas: one for a run, reset by tests that change what others look at.

    Not the shared one, whose users do not expect a reset.
    """
    return lab_until_exit()


@pytest.fixture(scope="session")
def azure() -> Azure:
    """The Azure under test."""
    named = os.environ.get("KYANITE_TEST_AZURE")
    return read_lab_file(Path(named)) if named else areas_lab().azure


@pytest.fixture
def control(azure: Azure) -> Iterator[Control]:
    """The control interface of a lab reset to its scene; faults are cleared afterwards."""
    if not azure.control:
        pytest.skip("this Azure has no control interface")
    found = Control(azure.control)
    found.reset()
    yield found
    found.clear_faults()


@pytest.fixture
def parts(sqlite_database: Database, azure: Azure) -> Iterator[AzureParts]:
    """The areas over a fresh database."""
    parts = AzureParts(sqlite_database, azure)
    yield parts
    parts.close()
