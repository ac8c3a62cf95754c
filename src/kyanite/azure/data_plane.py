"""Requests to the data planes of storage: blobs, and disks behind a SAS.

What it adds to a bare connection: repeats for failures of the moment, renewal of an
expired credential in the middle of the work, errors of our tree with the service's own
code, and a limit on the bytes per second.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

from kyanite.azure.connections import Answer, Body, ConnectionFailed, Exchange, OpenAnswer
from kyanite.azure.faults import REPEATABLE_STATUSES, azure_error
from kyanite.azure.pauses import USUAL, Check, Patience, Retries, go_on, retry_after_seconds
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl, query_text
from kyanite.azure.xml_answers import parse_xml
from kyanite.base.errors import AzureError, Denied, Rejected, Transient

_Head = TypeVar("_Head", Answer, OpenAnswer)

X_MS_VERSION: Final = "2024-11-04"
_EXPIRED_CODES: Final = frozenset(
    {
        "AuthenticationFailed",
        "InvalidAuthenticationInfo",
        "ExpiredAuthenticationToken",
        "ManagedDiskAccessExpired",
    }
)
"""Codes of a credential that was good once; a missing right has others and stays an error."""
_RENEWALS: Final = 3
"""Renewals for one request; a credential that is refused so often is not merely expired."""
_STALE_CONNECTIONS: Final = 40
"""Idle connections that may turn out closed in one request, more than the pool keeps."""


class Access(Protocol):
    """How requests are authorised. ``stamp`` names the credential that a refusal was about."""

    def authorise(self) -> tuple[object, str, str, Mapping[str, str]]:
        """(stamp, base address, secret query, headers) for one request."""
        ...

    def renew(self, stamp: object) -> None:
        """Get another credential than the refused one. Raises ``Denied`` if there is none."""
        ...


class SignedAccess:
    """Access by SAS."""

    def __init__(self, url: RenewableUrl) -> None:
        self._url = url

    def authorise(self) -> tuple[SignedUrl, str, str, Mapping[str, str]]:
        current = self._url.current()
        return current, current.address, current.secret_query, {}

    def renew(self, stamp: object) -> None:
        if isinstance(stamp, SignedUrl):
            self._url.replace(stamp)


class TokenAccess:
    """Access by bearer token."""

    def __init__(
        self, address: str, token: Callable[[], str], forget: Callable[[], None] | None = None
    ) -> None:
        self._address = address
        self._token = token
        self._forget = forget

    def authorise(self) -> tuple[str, str, str, Mapping[str, str]]:
        token = self._token()
        return token, self._address, "", {"Authorization": f"Bearer {token}"}

    def renew(self, stamp: object) -> None:
        if self._forget is None:
            raise Denied(f"The token for {self._address} was refused and cannot be renewed.")
        if self._token() == stamp:
            self._forget()


@dataclass(frozen=True)
class Reply:
    """A successful answer. ``repeated``: an earlier try may have been applied already."""

    answer: Answer
    repeated: bool


class PlaneError(Exception):
    """A refusal by the service, before it is put into the terms of disks or of storages."""

    def __init__(self, error: AzureError, *, repeated: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.repeated = repeated
        """An earlier try of the same request may have been applied."""


class DataPlane:
    """Requests below one address (a container, a disk). Thread-safe."""

    def __init__(
        self, pool: Exchange, access: Access, check: Check = go_on, patience: Patience = USUAL
    ) -> None:
        self._patience = patience
        self._pool = pool
        self._access = access
        self._check = check

    def request(
        self,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
        into: memoryview | None = None,
        accept: frozenset[int] = frozenset({200, 201, 202, 206}),
        patience: Patience | None = None,
    ) -> Reply:
        """One request, repeated while that may help.

        ``path`` is percent-encoded and starts with a slash or is empty. Raises
        ``PlaneError``; whatever ``check`` raises while it waits.
        """
        answer, repeated = self._answered(
            method,
            path,
            query or {},
            headers or {},
            accept,
            patience or self._patience,
            lambda url, sent: self._pool.exchange(method, url, sent, body, into),
        )
        return Reply(answer, repeated)

    def open(self, path: str, *, headers: Mapping[str, str]) -> OpenAnswer:
        """A GET of which the body is still to be read; until then as ``request``."""
        answer, _ = self._answered(
            "GET",
            path,
            {},
            headers,
            frozenset({200, 206}),
            self._patience,
            lambda url, sent: self._pool.open("GET", url, sent),
        )
        return answer

    def retries(self) -> Retries:
        """For who goes on with a body that broke off."""
        return Retries(self._check, self._patience)

    def _answered(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        accept: frozenset[int],
        patience: Patience,
        send: Callable[[str, Mapping[str, str]], _Head],
    ) -> tuple[_Head, bool]:
        retries = Retries(self._check, patience)
        renewals, stale = itertools.count(1), itertools.count(1)
        repeated = False
        while True:
            self._check()
            stamp, address, secret, own_headers = self._access.authorise()
            text = query_text(dict(query), secret)
            what = f"{method} {urlsplit(address).path}{path}"
            sent = {"x-ms-version": X_MS_VERSION, **own_headers, **headers}
            url = f"{address}{path}?{text}" if text else f"{address}{path}"
            try:
                answer = send(url, sent)
                error = None if answer.status in accept else _error_of(what, answer)
            except ConnectionFailed as failure:
                repeated = True
                if not failure.fresh and next(stale) < _STALE_CONNECTIONS:
                    continue  # an idle connection that the other side had closed
                if retries.again():
                    continue
                raise PlaneError(
                    Transient(f"{what} got no answer: {failure}"), repeated=True
                ) from failure
            if error is None:
                return answer, repeated
            if _is_expired(error) and next(renewals) <= _RENEWALS:
                self._access.renew(stamp)
                continue
            asked = retry_after_seconds(answer.headers.get("retry-after"))
            if answer.status in REPEATABLE_STATUSES and retries.again(asked):
                repeated = repeated or answer.status >= 500
                continue
            raise PlaneError(error, repeated=repeated)


def _is_expired(error: AzureError) -> bool:
    return error.status == 401 or (error.status == 403 and error.code in _EXPIRED_CODES)


def _error_of(what: str, answer: Answer | OpenAnswer) -> AzureError:
    code = answer.headers.get("x-ms-error-code", "")
    message = ""
    body = answer.body
    if body.lstrip()[:1] == b"\xef" or body.lstrip()[:1] == b"<":
        try:
            root = parse_xml(body, what)
            code = code or root.findtext("Code", "")
            message = (root.findtext("Message") or "").splitlines()[0]
        except (Rejected, IndexError):
            message = ""
    return azure_error(
        what,
        status=answer.status,
        code=code,
        message=message,
        retry_after_seconds=retry_after_seconds(answer.headers.get("retry-after")),
    )
