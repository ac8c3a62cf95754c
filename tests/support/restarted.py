"""A house whose appliance is killed and started again, with a hand for everything it serves."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from support.house import PASSWORD, USERNAME, House

API = "/api/v8.1"
OWN = "/api/kyanite/v1"


@dataclass
class Restarted:
    """The appliance of a house, spoken to with one token however often it is started."""

    house: House
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.token = self.sign_in()[1]["access_token"]

    def kill_and_start(self) -> None:
        """The plug is pulled, and put in again."""
        self.house.program.kill_tree()
        self.house.start()

    def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None
    ) -> tuple[int, Any]:
        """Status and body of a call; of the administrator unless it is another one's token."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._send(method, path, json.dumps(body) if body is not None else None, headers)

    def done(self, method: str, path: str, body: object = None) -> Any:
        """The answer to something that must succeed."""
        status, answer = self.call(method, path, body)
        assert status < 300, f"{method} {path}: {json.dumps(answer)}"
        return answer

    def sign_in(self, name: str = USERNAME, password: str = PASSWORD) -> tuple[int, Any]:
        """Status and body of a sign-in with a password."""
        return self.grant(grant_type="Password", username=name, password=password)

    def grant(self, **form: str) -> tuple[int, Any]:
        """Status and body of any other sign-in."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", "/api/oauth2/token", urlencode(form), kind)

    def certificate(self) -> str:
        """What the appliance shows who connects."""
        return ssl.get_server_certificate(("127.0.0.1", self.house.port))

    def _send(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.house.port, timeout=60, context=ssl._create_unverified_context()
        )
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else {}
