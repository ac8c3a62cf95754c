"""What was answered is kept: the appliance is killed right after an answer, and started again.

That sessions go on is told by the journeys with kills.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from support.ports import free_port
from support.postgresql import create_database, drop_database
from support.program import Program
from support.waiting import eventually

PASSWORD, OTHER_PASSWORD = "S3cure-Passw0rd", "An0ther-Passw0rd"
API = "/api/v8.1"


@dataclass
class Restarted:
    """An appliance that can be killed and started, and a hand for its API."""

    folder: Path
    settings: dict[str, str]
    port: int = field(default_factory=free_port)
    token: str = ""

    def __post_init__(self) -> None:
        self.program = Program(
            ["serve", "--data", str(self.folder / "data"), "--port", str(self.port)],
            {"KYANITE_ADMIN_USERNAME": "admin", "KYANITE_ADMIN_PASSWORD": PASSWORD} | self.settings,
            self.folder / "serve.log",
        )

    def start(self) -> None:
        self.program.start()
        eventually(self.is_up, within_seconds=90, what=lambda: self.program.output()[-2000:])

    def kill_and_start(self) -> None:
        """The plug is pulled, and put in again."""
        self.program.kill_tree()
        self.start()

    def is_up(self) -> bool:
        try:
            return self.call("GET", f"{API}/system/serviceIsUp")[0] == 200
        except OSError:
            return False

    def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._send(method, path, json.dumps(body) if body is not None else None, headers)

    def done(self, method: str, path: str, body: object = None) -> Any:
        """The answer to something that must succeed."""
        status, answer = self.call(method, path, body)
        assert status < 300, f"{method} {path}: {json.dumps(answer)}"
        return answer

    def sign_in(self, name: str = "admin", password: str = PASSWORD) -> tuple[int, Any]:
        return self.grant(grant_type="Password", username=name, password=password)

    def grant(self, **form: str) -> tuple[int, Any]:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", "/api/oauth2/token", urlencode(form), kind)

    def _send(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=60, context=ssl._create_unverified_context()
        )
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else {}


@dataclass(frozen=True)
class Write:
    """Something that is written, and what has to be so afterwards."""

    name: str
    do: Callable[[Restarted], Any]
    holds: Callable[[Restarted, Any], bool]


def kept(name: str, path: str, method: str, body: dict[str, Any]) -> Write:
    """A group of settings: it is read as it was written."""

    def holds(one: Restarted, _: Any) -> bool:
        found = one.done("GET", path)
        return all(found[member] == value for member, value in body.items())

    return Write(name, lambda one: one.done(method, path, body), holds)


def new_user(one: Restarted, name: str) -> str:
    body = {"name": name, "role": "ReadOnlyUser", "description": "", "password": PASSWORD}
    return str(one.done("POST", f"{API}/users", {**body, "type": "Internal"})["id"])


def changed_password(one: Restarted) -> None:
    user_id = new_user(one, "changes-password")
    one.done("PUT", f"{API}/users/{user_id}", {"password": OTHER_PASSWORD})


def removed_user(one: Restarted) -> str:
    user_id = new_user(one, "leaves")
    one.done("DELETE", f"{API}/users/{user_id}")
    return user_id


def signed_out(one: Restarted) -> Any:
    pair = one.sign_in()[1]
    assert one.call("DELETE", "/api/oauth2/token", token=pair["access_token"])[0] < 300
    return pair


def out_stays_out(one: Restarted, pair: Any) -> bool:
    refresh = {"grant_type": "Refresh_token", "refresh_token": pair["refresh_token"]}
    status, _ = one.call("GET", f"{API}/users", token=pair["access_token"])
    return (status, one.grant(**refresh)[0]) == (401, 401)


def rotated(one: Restarted) -> Any:
    pair = one.sign_in()[1]
    status, new = one.grant(grant_type="Refresh_token", refresh_token=pair["refresh_token"])
    assert status == 200
    return new


def new_pair_is_good(one: Restarted, pair: Any) -> bool:
    refresh = {"grant_type": "Refresh_token", "refresh_token": pair["refresh_token"]}
    status, _ = one.call("GET", f"{API}/users", token=pair["access_token"])
    return (status, one.grant(**refresh)[0]) == (200, 200)


def certificate(one: Restarted) -> str:
    return ssl.get_server_certificate(("127.0.0.1", one.port))


def new_certificate(one: Restarted) -> str:
    before = certificate(one)
    one.done("POST", f"{API}/settings/certificates/webserver/regenerate")
    eventually(lambda: certificate(one) != before, within_seconds=30)
    return certificate(one)


WRITES = [
    Write(
        "time zone",
        lambda one: one.done("PUT", f"{API}/system/timezone", {"timezoneId": "Europe/Berlin"}),
        lambda one, _: "Berlin" in json.dumps(one.done("GET", f"{API}/system/time")),
    ),
    kept(
        "retention",
        f"{API}/settings/retention",
        "PUT",
        {
            "sessionsSettings": {"duration": 90, "type": "Days", "keepForever": False},
            "obsoleteSnapshotsSettings": {"duration": 2, "type": "Years", "keepForever": False},
        },
    ),
    kept(
        "e-mail",
        "/api/kyanite/v1/settings/email",
        "PUT",
        {"isEnabled": False, "from": "kyanite@example.org", "to": "you@example.org"},
    ),
    Write(
        "new user",
        lambda one: new_user(one, "comes"),
        lambda one, _: one.sign_in("comes")[0] == 200,
    ),
    Write(
        "password of a user",
        changed_password,
        lambda one, _: (
            (
                one.sign_in("changes-password")[0],
                one.sign_in("changes-password", OTHER_PASSWORD)[0],
            )
            == (401, 200)
        ),
    ),
    Write(
        "removed user",
        removed_user,
        lambda one, user_id: one.call("GET", f"{API}/users/{user_id}")[0] == 404,
    ),
    Write(
        "plain account",
        lambda one: one.done(
            "POST",
            f"{API}/accounts/standard",
            {"kind": "Smtp", "name": "mail", "username": "kyanite", "password": "S3cret"},
        ),
        lambda one, new: one.done("GET", f"{API}/accounts/standard/{new['id']}")["name"] == "mail",
    ),
    Write("certificate", new_certificate, lambda one, new: certificate(one) == new),
    Write("rotated token", rotated, new_pair_is_good),
    Write("signing out", signed_out, out_stays_out),
]


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Restarted]:
    one = Restarted(folder, settings)
    try:
        one.start()
        one.token = one.sign_in()[1]["access_token"]
        yield one
    finally:
        one.program.kill_tree()


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=(pytest.mark.postgres, pytest.mark.slow))]
)
def restarted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Restarted]:
    """A signed-in appliance on either database."""
    if request.param == "sqlite":
        with running(tmp_path) as one:
            yield one
        return
    server: str = request.getfixturevalue("postgresql_url")
    name = f"restart_{tmp_path.name}"
    with running(tmp_path, KYANITE_DATABASE_URL=create_database(server, name)) as one:
        yield one
    drop_database(server, name)


def test_everything_that_was_answered_is_there_after_a_kill(restarted: Restarted) -> None:
    written = [(write, write.do(restarted)) for write in WRITES]
    restarted.kill_and_start()
    assert [write.name for write, what in written if not write.holds(restarted, what)] == []


@pytest.mark.slow
def test_each_answer_holds_when_the_kill_follows_at_once(restarted: Restarted) -> None:
    lost = []
    for write in WRITES:
        what = write.do(restarted)
        restarted.kill_and_start()
        if not write.holds(restarted, what):
            lost.append(write.name)
    assert lost == []
