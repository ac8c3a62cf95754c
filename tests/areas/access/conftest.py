"""The whole API of the areas that need no Azure, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyotp
import pytest
from httpx2 import Response
from sqlalchemy import update

from kyanite.areas.access.routes import routers as access_routers
from kyanite.areas.access.tables import UserRow
from kyanite.areas.appliance.routes import routers as appliance_routers
from kyanite.areas.sessions.routes import routers as session_routers
from kyanite.areas.vm.routes import routers as machine_routers
from kyanite.db.database import Database
from support.api import ADMIN, PASSWORD, ApiUnderTest

TOKEN = "/api/oauth2/token"
USERS = "/api/v8.1/users"


@pytest.fixture
def api(database: Database) -> Iterator[ApiUnderTest]:
    areas = (access_routers, appliance_routers, session_routers, machine_routers)
    api = ApiUnderTest(database, [one for routers in areas for one in routers()])
    yield api
    api.close()


@pytest.fixture
def quick_people(sqlite_database: Database) -> Iterator[People]:
    """On SQLite only: for tables of cases where the kind of database does not matter."""
    api = ApiUnderTest(sqlite_database)
    yield People(api)
    api.close()


@dataclass(frozen=True)
class People:
    """What administrators do with users, over the API."""

    api: ApiUnderTest

    def call(self, method: str, path: str, body: object = None) -> Response:
        headers = self.api.signed_in()
        return self.api.client.request(method, f"{USERS}{path}", json=body, headers=headers)

    def add(self, name: str = "ops", role: str = "PortalOperator", **more: object) -> str:
        """A new user; the id."""
        body = {"name": name, "description": "", "role": role, "password": PASSWORD} | more
        answer = self.call("POST", "", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def sign_in(self, name: str = ADMIN, password: str = PASSWORD, **more: str) -> Response:
        return self.api.client.post(TOKEN, data={"username": name, "password": password, **more})

    def second_step(self, token: str, code: str) -> Response:
        form = {"grant_type": "Mfa", "mfa_token": token, "mfa_code": code}
        return self.api.client.post(TOKEN, data=form)

    def headers(self, name: str, password: str = PASSWORD) -> dict[str, str]:
        answer = self.sign_in(name, password)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def code(self, secret: str, steps: int = 0) -> str:
        """The code that an application shows now, or some steps later."""
        return pyotp.TOTP(secret).at(self.api.clock.now(), counter_offset=steps)

    def with_second_factor(self, user_id: str) -> dict[str, Any]:
        """Enrol a user; what the appliance has shown."""
        offer = self.call("POST", f"/{user_id}/enableMfa", {"recreate": False})
        assert offer.status_code == 200, offer.text
        shown: dict[str, Any] = offer.json()
        body = {"code": self.code(shown["secretKey"], -1), "token": shown["token"]}
        assert self.call("POST", f"/{user_id}/acceptMfa", body).status_code == 204
        return shown


@pytest.fixture
def people(api: ApiUnderTest) -> People:
    return People(api)


@pytest.fixture
def provider_user(api: ApiUnderTest, people: People) -> str:
    """The id of a user of an identity provider, as a later version may have made one."""
    user_id = people.add("of-provider", "PortalAdmin")
    with api.database.writing() as db:
        db.execute(
            update(UserRow)
            .where(UserRow.id == user_id)
            .values(type="IdentityProvider", identity_provider_entity_id="https://idp.example")
        )
    return user_id
