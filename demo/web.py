"""JSON over HTTPS, for the clients of the demonstration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import urllib3


class Refused(Exception):
    """An answer outside 2xx: what was asked, and what came back."""

    def __init__(self, method: str, url: str, status: int, body: str) -> None:
        super().__init__(f"{method} {url.split('?')[0]} was answered {status}: {body[:500]}")
        self.status = status


class Web:
    """One server (or several with one CA): a connection pool that checks certificates."""

    def __init__(self, ca_file: str | None, *, check_host: bool = True) -> None:
        self._pool = urllib3.PoolManager(
            ca_certs=ca_file,
            assert_hostname=None if check_host else False,
            maxsize=8,
            retries=urllib3.Retry(total=3, status_forcelist=(), allowed_methods=None, connect=3),
            timeout=urllib3.Timeout(connect=10, read=300),
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """One request; raises ``Refused`` for any status from 400 on."""
        answer = self._pool.request(method, url, headers=dict(headers or {}), body=body)
        if answer.status >= 400:
            raise Refused(method, url, answer.status, answer.data.decode(errors="replace"))
        return answer

    def json(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One JSON request; the decoded answer, or ``None`` when it has no body."""
        sent = dict(headers or {})
        data: bytes | None = None
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        answer = self.send(method, url, headers=sent, body=data)
        return json.loads(answer.data) if answer.data else None
