"""A person signed in to a cloud: by a device code, or by the token cache of another tool.

A thin cover over MSAL, which knows the flows and its own cache. The cache holds refresh
tokens: it is a secret, stored sealed only, and never shown.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msal
import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from kyanite.azure.cloud import Cloud
from kyanite.azure.credentials import TokenSource
from kyanite.base.errors import AzureError, Denied, Rejected, Transient
from kyanite.base.json_types import JsonObject, JsonValue, as_object, as_text

SIGN_IN_CLIENT: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The public client of the Azure command line, known in every directory."""
_TIMEOUT_SECONDS: Final = 30


@dataclass(frozen=True)
class PersonTokens:
    """A token cache, and in which tenant tokens are asked for."""

    tenant_id: str
    """An id or a domain; ``organizations`` for the person's own."""
    cache: str = field(repr=False)
    client_id: str = SIGN_IN_CLIENT

    @classmethod
    def from_cache(cls, content: bytes, tenant_id: str) -> PersonTokens:
        """Read the cache of another tool. Raises ``ValueError`` when it is none of MSAL's."""
        try:
            text = content.decode("utf-8-sig")
            found = as_object(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise ValueError("the token cache is not JSON text") from error
        kept = [as_object(one) for one in as_object(found.get("RefreshToken")).values()]
        clients = [as_text(one.get("client_id")) for one in kept if as_text(one.get("client_id"))]
        if not clients:
            raise ValueError("the token cache holds no refresh token: sign in again")
        return cls(tenant_id, text, SIGN_IN_CLIENT if SIGN_IN_CLIENT in clients else clients[0])

    def source(self, cloud: Cloud) -> TokenSource:
        """Tokens of the person (an ``Identity`` of ``azure.credentials``)."""
        return _PersonSource(cloud, self)


@dataclass(frozen=True)
class DeviceCode:
    """What a person has to do, and how it is followed. ``flow`` is secret, and can be stored."""

    user_code: str
    verification_uri: str
    message: str
    expires_at_seconds: float
    """Unix time."""
    interval_seconds: float
    flow: JsonObject = field(repr=False)


def begin_device_code(cloud: Cloud, tenant_id: str) -> DeviceCode:
    """Ask for a code. Raises an ``AzureError``."""
    client = _client(cloud, tenant_id, None)
    flow = _asked(lambda: client.initiate_device_flow(scopes=[cloud.arm_scope]))
    if "user_code" not in flow:
        raise _refused(flow)
    interval, expires = flow.get("interval"), flow.get("expires_at")
    return DeviceCode(
        as_text(flow.get("user_code")),
        as_text(flow.get("verification_uri")),
        as_text(flow.get("message")),
        expires if isinstance(expires, int | float) else time.time() + 900,
        interval if isinstance(interval, int | float) else 5,
        flow,
    )


def ask_device_code(cloud: Cloud, tenant_id: str, flow: JsonObject) -> PersonTokens | None:
    """Ask once whether the person has signed in; ``None``: not yet.

    Raises ``Denied`` when the person declined or the code is too old.
    """
    cache = msal.SerializableTokenCache()
    client = _client(cloud, tenant_id, cache)
    answer = _asked(
        lambda: client.acquire_token_by_device_flow(dict(flow), exit_condition=lambda _flow: True)
    )
    if as_text(answer.get("error")) in ("authorization_pending", "slow_down"):
        return None
    if "access_token" not in answer:
        raise _refused(answer)
    return PersonTokens(tenant_id, str(cache.serialize()))


class _PersonSource:
    """Tokens out of a cache, renewed by its refresh token when they have ended."""

    def __init__(self, cloud: Cloud, tokens: PersonTokens) -> None:
        self._cloud = cloud
        self._tokens = tokens
        self._lock = threading.Lock()
        self._cache = msal.SerializableTokenCache()
        self._cache.deserialize(tokens.cache)
        self._client: object | None = None

    def get_token(self, *scopes: str, claims: str | None = None) -> AccessToken:
        """As ``azure-identity`` does it, with its errors."""
        with self._lock:
            try:
                answer = _asked(lambda: self._silent(list(scopes), claims))
            except Transient as error:
                raise ServiceRequestError(str(error)) from error
        text, seconds = as_text(answer.get("access_token")), answer.get("expires_in")
        if not text:
            words = as_text(answer.get("error_description")) or "the person has to sign in again"
            raise ClientAuthenticationError(f"Authentication failed: {words}")
        lifetime = int(seconds) if isinstance(seconds, int | float | str) else 300
        return AccessToken(text, int(time.time()) + lifetime)

    def _silent(self, scopes: list[str], claims: str | None) -> object:
        tokens = self._tokens
        client = _client(self._cloud, tokens.tenant_id, self._cache, tokens.client_id)
        for account in client.get_accounts() or [None]:
            if account is not None:
                found: object = client.acquire_token_silent_with_error(
                    scopes, account, claims_challenge=claims
                )
                if found:
                    return found
        # A cache of another tool may name its directory differently: its refresh token still works.
        for entry in self._cache.search("RefreshToken"):
            return client.acquire_token_by_refresh_token(entry["secret"], scopes)
        return {}


class _Connection(requests.Session):
    """What MSAL asks through: bounded waits, and our authorities whatever the environment says."""

    def __init__(self, ca_file: str | None) -> None:
        super().__init__()
        self.verify = ca_file or True

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send; ``REQUESTS_CA_BUNDLE`` would win over the session's own authorities."""
        if isinstance(self.verify, str):
            options["verify"] = self.verify
        options["timeout"] = options.get("timeout") or _TIMEOUT_SECONDS
        return super().send(request, **options)


def _client(
    cloud: Cloud, tenant_id: str, cache: object, client_id: str = SIGN_IN_CLIENT
) -> msal.PublicClientApplication:
    try:
        return msal.PublicClientApplication(
            client_id,
            authority=f"{cloud.authority}/{tenant_id}",
            instance_discovery=False,
            http_client=_Connection(cloud.ca_file),
            token_cache=cache,
        )
    except requests.RequestException as error:
        raise Transient(f"{cloud.authority} does not answer.") from error
    except ValueError as error:
        raise Rejected(f"The directory {tenant_id} cannot be asked: {error}") from error


def _asked(call: Callable[[], object]) -> JsonObject:
    """MSAL answers dictionaries, and lets failures of the connection through."""
    try:
        answer = call()
    except requests.RequestException as error:
        raise Transient("The directory does not answer.") from error
    found: JsonValue = answer if isinstance(answer, dict) else {}
    return as_object(found)


def _refused(answer: JsonObject) -> AzureError:
    words = as_text(answer.get("error_description")) or as_text(answer.get("error"))
    words = words.partition(" Trace ID:")[0] or "The directory did not say why."
    code = next((word.rstrip(":") for word in words.split() if word.startswith("AADSTS")), "")
    return Denied(words, code=code, status=401)
