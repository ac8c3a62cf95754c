"""Calls to the Azure Resource Manager: one thin client for every resource type.

What it promises: the api-version of the type (``api_versions``), tokens and strict TLS, a
bounded number of repeats that honour ``Retry-After`` and can be called off while they
wait, paging, long-running operations (``operations``), and errors of our own tree.
Changes are repeated too: every PUT and DELETE we send is idempotent, and the POSTs we use
either are as well or answer a second time with a conflict that their callers expect.
Tokens go to the Resource Manager's own host only, whatever an answer may link to.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import requests
from azure.core.exceptions import AzureError as SdkError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    HeadersPolicy,
    RequestIdPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from requests.adapters import HTTPAdapter

from kyanite.azure.addresses import https_host, is_at_or_below
from kyanite.azure.api_versions import api_version_of
from kyanite.azure.call_counts import count_call
from kyanite.azure.cloud import Cloud
from kyanite.azure.credentials import AzureLogin
from kyanite.azure.faults import REPEATABLE_STATUSES, azure_error, error_of_body
from kyanite.azure.json_answers import read_json
from kyanite.azure.operations import Operation, poll
from kyanite.azure.pauses import Check, Retries, go_on, retry_after_seconds
from kyanite.base.errors import AzureError, Gone, Rejected, Transient
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text
from kyanite.base.redaction import redacted_text

_log = logging.getLogger("kyanite.azure.arm")

_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = 60
_CONNECTIONS: Final = 32
_ACCEPTED: Final = frozenset({200, 201, 202, 204})


class ArmAnswer:
    """A successful answer: status, headers and JSON body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: JsonObject) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body


class ArmClient:
    """The Resource Manager of a cloud, seen by one service account. Thread-safe."""

    def __init__(
        self,
        cloud: Cloud,
        login: AzureLogin,
        check: Check = go_on,
        *,
        transport: HttpTransport[HttpRequest, HttpResponse] | None = None,
    ) -> None:
        self.cloud = cloud
        self.login = login
        self.check = check
        self._host = urlsplit(cloud.arm).netloc.lower()
        self._client: ARMPipelineClient[HttpRequest, HttpResponse] = ARMPipelineClient(
            cloud.arm,
            policies=[
                RequestIdPolicy(),
                HeadersPolicy({"Accept": "application/json"}),
                UserAgentPolicy(base_user_agent="kyanite"),
                _Sign(login, cloud.arm_scope),
            ],
            transport=transport or _transport(cloud.ca_file),
        )

    def with_check(self, check: Check) -> ArmClient:
        """The same client for work that can be called off: every wait asks ``check``."""
        twin = copy.copy(self)
        twin.check = check
        return twin

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, api_version: str | None = None
    ) -> JsonObject:
        """One resource. Raises ``Gone`` when there is none."""
        return self.send("GET", self.url(path, query, api_version)).body

    def find(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject | None:
        """One resource, or ``None`` when there is none."""
        try:
            return self.get(path, query)
        except Gone:
            return None

    def list(
        self, path: str, query: Mapping[str, str] | None = None, *, api_version: str | None = None
    ) -> Iterator[JsonObject]:
        """All entries of a list, page after page as they are asked for."""
        url = self.url(path, query, api_version)
        while url:
            page = self.send("GET", url).body
            for entry in as_list(page.get("value")):
                yield as_object(entry)
            url = as_text(page.get("nextLink"))

    def put(
        self, path: str, body: JsonObject, query: Mapping[str, str] | None = None
    ) -> JsonObject:
        """Create or replace; returns the resource when it is ready."""
        return self.wait(self.begin("PUT", path, body, query))

    def patch(self, path: str, body: JsonObject) -> JsonObject:
        """Change some members; returns the resource when it is ready."""
        return self.wait(self.begin("PATCH", path, body))

    def post(
        self, path: str, body: JsonObject | None = None, query: Mapping[str, str] | None = None
    ) -> JsonObject:
        """An action; returns its result (an empty object if it has none)."""
        return self.wait(self.begin("POST", path, body, query))

    def delete(self, path: str, query: Mapping[str, str] | None = None) -> None:
        """Delete and wait until it is gone; what is not there is gone already."""
        try:
            self.wait(self.begin("DELETE", path, None, query))
        except Gone:
            return

    def begin(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Operation:
        """Start an operation and return how to follow it, in a form that can be stored."""
        url = self.url(path, query)
        answer = self.send(method, url, body)
        return Operation.started(method, url, answer.headers, answer.status, answer.body)

    def wait(self, operation: Operation) -> JsonObject:
        """Follow an operation to its end; returns its result. Raises the error it ended with."""
        return poll(operation, lambda url: self.send("GET", url), self.check)

    def url(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        api_version: str | None = None,
    ) -> str:
        """The absolute URL of a path with its api-version."""
        try:
            version = api_version or api_version_of(path)
        except KeyError as error:
            raise Rejected(f"No api-version is known for {path}.") from error
        text = urlencode({**(query or {}), "api-version": version}, quote_via=quote, safe="$',()")
        return f"{self.cloud.arm}/{quote(path.lstrip('/'), safe='/-_.~()@:')}?{text}"

    def send(self, method: str, url: str, body: JsonObject | None = None) -> ArmAnswer:
        """One request to an absolute URL, repeated while that may help.

        Raises an ``AzureError``; ``Cancelled`` or ``LeaseLost`` if the check says so.
        """
        host = https_host(url)
        if not is_at_or_below(host, self._host):  # a regional host is below the global one
            raise Rejected(f"An answer of Azure links to {host}, outside its own host.")
        what = f"{method} {urlsplit(url).path}"
        retries = Retries(self.check)
        while True:
            self.check()
            try:
                return self._once(method, url, body, what)
            except AzureError as error:
                wanted = getattr(error, "retry_after_seconds", None)
                repeatable = isinstance(error, Transient) or error.status in REPEATABLE_STATUSES
                if not repeatable or not retries.again(wanted):
                    raise

    def _once(self, method: str, url: str, body: JsonObject | None, what: str) -> ArmAnswer:
        try:
            response = self._client.send_request(
                HttpRequest(method, url, json=body)
                if body is not None
                else HttpRequest(method, url)
            )
        except SdkError as error:
            count_call(0)
            raise Transient(f"{what} got no answer: {redacted_text(str(error))}") from error
        except TimeoutError as error:
            count_call(0)
            raise Transient(f"{what} got no answer in time.") from error
        count_call(response.status_code)
        status, content = response.status_code, self._json(response, what)
        _log.debug(
            "%s answered %s, correlation id %s",
            what,
            status,
            response.headers.get("x-ms-correlation-request-id", "none"),
        )
        if status in _ACCEPTED:
            return ArmAnswer(status, response.headers, as_object(content))
        code, message = error_of_body(content)
        asked = retry_after_seconds(response.headers.get("Retry-After"))
        raise azure_error(
            what, status=status, code=code, message=message, retry_after_seconds=asked
        )

    @staticmethod
    def _json(response: HttpResponse, what: str) -> JsonValue:
        try:
            if not response.content:
                return {}
            content = read_json(response.content)
        except (ValueError, RecursionError, SdkError) as error:
            if response.status_code in _ACCEPTED:
                raise Transient(f"{what} answered something that is not JSON.") from error
            return {}
        return content


def _transport(ca_file: str | None) -> HttpTransport[HttpRequest, HttpResponse]:
    """Strict TLS, bounded waits, and connections enough for a job with many machines."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=0))
    transport: HttpTransport[HttpRequest, HttpResponse] = RequestsTransport(
        session=session,
        session_owner=False,
        connection_verify=ca_file or True,
        connection_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
    )
    return transport


class _Sign(ARMChallengeAuthenticationPolicy):
    """Bearer tokens, claims challenges, and one fresh token when one is refused early.

    A token may be refused before its time when the account's sessions were revoked, or
    when the clocks differ; the caches below would hand out the same one again.
    """

    def __init__(self, login: AzureLogin, scope: str) -> None:
        super().__init__(login, scope)
        self._login = login
        self._scope = scope

    def on_challenge(
        self,
        request: PipelineRequest[HttpRequest],
        response: PipelineResponse[HttpRequest, HttpResponse],
    ) -> bool:
        if super().on_challenge(request, response):
            return True
        self._login.forget()
        self.authorize_request(request, self._scope)
        return True
