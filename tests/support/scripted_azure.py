"""An Azure that answers what a test wrote down, in process: a transport for ``ArmClient``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest, HttpResponse

from kyanite.azure.arm import ArmClient
from kyanite.azure.cloud import Cloud
from kyanite.azure.credentials import AzureLogin, ServicePrincipal
from kyanite.base.json_types import JsonObject, JsonValue

CLOUD = Cloud(
    name="Test",
    arm="https://arm.test",
    authority="https://login.test",
    audience="https://arm.test",
    storage_suffix="test",
    key_vault_suffix="vault.test",
)


@dataclass
class Asked:
    """One request as it came."""

    method: str
    url: str
    headers: dict[str, str]
    body: JsonValue

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))


@dataclass
class Answer:
    """One answer; ``drop`` breaks the connection instead, ``raw`` is sent in place of a body."""

    status: int = 200
    body: JsonValue = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    raw: bytes = b""


Script = Callable[[Asked], Answer]


class _Response:
    """What ``azure-core`` and ``ArmClient`` look at of a response."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.headers = answer.headers
        text = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.content = answer.raw or text
        self.block_size = 4096

    def json(self) -> Any:
        return json.loads(self.content)

    def read(self) -> bytes:
        return self.content


class ScriptedTransport(HttpTransport[HttpRequest, HttpResponse]):
    """Calls the script for every request and remembers them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[Asked] = []

    def send(self, request: HttpRequest, **options: Any) -> HttpResponse:
        del options
        content = request.content
        asked = Asked(
            request.method,
            request.url,
            dict(request.headers),
            json.loads(content) if content else None,
        )
        self.asked.append(asked)
        answer = self._script(asked)
        if answer.drop:
            raise ServiceRequestError("the connection was dropped")
        return cast(HttpResponse, _Response(answer))

    def open(self) -> None:
        return

    def close(self) -> None:
        return

    def __exit__(self, *arguments: object) -> None:
        return


class FixedLogin(AzureLogin):
    """Hands out numbered tokens; a new number after each ``forget``."""

    def __init__(self) -> None:
        super().__init__(CLOUD, ServicePrincipal("tenant", "client", "secret"))
        self.generation = 1

    def get_token(self, *scopes: str, claims: str | None = None, **options: object) -> AccessToken:
        del scopes, claims, options
        return AccessToken(f"token-{self.generation}", 4_000_000_000)

    def forget(self) -> None:
        self.generation += 1


def scripted(
    script: Script, check: Callable[[], None] = lambda: None
) -> tuple[ArmClient, ScriptedTransport]:
    """A client of the scripted Azure, and the transport that remembers what was asked."""
    transport = ScriptedTransport(script)
    return ArmClient(CLOUD, FixedLogin(), check, transport=transport), transport


def always(answer: Answer) -> Script:
    """The same answer, whatever is asked."""

    def script(_: Asked) -> Answer:
        return answer

    return script


def in_turn(*answers: Answer) -> Script:
    """One answer after the other, whatever is asked."""
    left: Iterator[Answer] = iter(answers)

    def script(_: Asked) -> Answer:
        return next(left)

    return script


def error_body(code: str, message: str) -> JsonObject:
    """Azure's error shape."""
    return {"error": {"code": code, "message": message}}
