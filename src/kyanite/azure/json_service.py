"""Calls to a JSON service beside the Resource Manager: Microsoft Graph, the keys of a vault.

Strict TLS, a bearer token that goes to the service's own host only, a bounded number of
repeats that honour ``Retry-After``, one fresh token when one is refused, errors of our tree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import urllib3

from kyanite.azure.addresses import https_host
from kyanite.azure.cloud import tls_context
from kyanite.azure.credentials import AzureLogin
from kyanite.azure.faults import REPEATABLE_STATUSES, azure_error, error_of_body
from kyanite.azure.json_answers import read_json
from kyanite.azure.pauses import Check, Retries, go_on, retry_after_seconds
from kyanite.base.errors import AzureError, Rejected, Transient
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text
from kyanite.base.redaction import redacted_text

_TIMEOUT: Final = urllib3.Timeout(connect=10, read=60)
_LARGEST_ANSWER_BYTES: Final = 16 << 20
_SAFE: Final = "/-_.~()@:$'="


class JsonService:
    """One service, seen by one identity. Thread-safe."""

    def __init__(
        self,
        base_url: str,
        login: AzureLogin,
        scope: str,
        *,
        query: Mapping[str, str] | None = None,
        check: Check = go_on,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._host = https_host(self.base_url)
        self._login = login
        self._scope = scope
        self._query = dict(query or {})
        self._check = check
        self._pool = urllib3.PoolManager(ssl_context=tls_context(login.cloud.ca_file))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """One object. Raises ``Gone`` when there is none."""
        return self.send("GET", self.url(path, query))

    def list(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[JsonObject]:
        """All entries of a list, page after page as they are asked for."""
        url = self.url(path, query)
        while url:
            page = self.send("GET", url)
            for entry in as_list(page.get("value")):
                yield as_object(entry)
            url = as_text(page.get("@odata.nextLink")) or as_text(page.get("nextLink"))

    def post(self, path: str, body: JsonObject, *, twice_is_once: bool = False) -> JsonObject:
        """An action, or a new object. Repeated only when it did not arrive, or
        ``twice_is_once``: doing it again harms nobody."""
        return self.send("POST", self.url(path), body, twice_is_once=twice_is_once)

    def delete(self, path: str) -> None:
        """Remove one object."""
        self.send("DELETE", self.url(path))

    def url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The absolute URL of a path below the service."""
        text = urlencode({**(query or {}), **self._query}, quote_via=quote, safe="$',()")
        whole = f"{self.base_url}/{quote(path.lstrip('/'), safe=_SAFE)}"
        return f"{whole}?{text}" if text else whole

    def send(
        self, method: str, url: str, body: JsonObject | None = None, *, twice_is_once: bool = False
    ) -> JsonObject:
        """One request to an absolute URL of the service. Raises an ``AzureError``."""
        if https_host(url) != self._host:
            raise Rejected(f"An answer of {self._host} links to another host.")
        retries, fresh = Retries(self._check), False
        while True:
            self._check()
            try:
                return self._once(method, url, body)
            except AzureError as error:
                if error.status == 401 and not fresh:
                    fresh = True
                    self._login.forget()
                    continue
                wanted = getattr(error, "retry_after_seconds", None)
                # Who makes something twice has two: a POST is repeated only when it was refused.
                new = method == "POST" and not twice_is_once
                arrived = new and error.status not in (429, 503)
                repeatable = isinstance(error, Transient) or error.status in REPEATABLE_STATUSES
                if arrived or not repeatable or not retries.again(wanted):
                    raise

    def _once(self, method: str, url: str, body: JsonObject | None) -> JsonObject:
        what = f"{method} {urlsplit(url).path}"
        headers = {"Authorization": f"Bearer {self._login.token(self._scope)}",
                   "Accept": "application/json", "User-Agent": "kyanite"}  # fmt: skip
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._pool.request(
                method,
                url,
                body=json.dumps(body).encode() if body is not None else None,
                headers=headers,
                timeout=_TIMEOUT,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                content = response.read(_LARGEST_ANSWER_BYTES + 1)
            finally:
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise Transient(f"{what} got no answer: {redacted_text(str(error))}") from error
        if len(content) > _LARGEST_ANSWER_BYTES:
            raise Rejected(f"{what} answered more than {_LARGEST_ANSWER_BYTES} bytes.")
        found = _json(content)
        if 200 <= response.status < 300:
            if found is None and content:
                raise Transient(f"{what} answered something that is not JSON.")
            return as_object(found)
        code, message = error_of_body(found)
        asked = retry_after_seconds(response.headers.get("Retry-After"))
        raise azure_error(
            what, status=response.status, code=code, message=message, retry_after_seconds=asked
        )


def _json(content: bytes) -> JsonValue:
    try:
        return read_json(content) if content else None
    except (ValueError, RecursionError):
        return None
