"""URLs that carry their own right: a SAS is a secret, so it never shows itself.

A ``SignedUrl`` prints without its signature. ``RenewableUrl`` is one that may expire in
the middle of the work and knows whom to ask for the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from kyanite.azure.addresses import https_host, is_sendable
from kyanite.base.errors import Denied, Rejected


@dataclass(frozen=True)
class SignedUrl:
    """``address`` (without a query) and the secret query that opens it."""

    address: str
    secret_query: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise ``Rejected`` unless it can be sent as it is.

        What the libraries below say about a URL or a header that they refuse shows all of it.
        """
        https_host(self.address)
        if not is_sendable(self.address) or not is_sendable(self.secret_query):
            raise Rejected(
                f"The signed address of {self.address!r} holds blanks or characters that are "
                "not ASCII, which no signed address does."
            )

    @classmethod
    def parse(cls, url: str) -> SignedUrl:
        """Split a URL as Azure gives it. Raises ``Rejected``."""
        address, _, query = url.partition("?")
        return cls(address, query)

    def reveal(self) -> str:
        """The whole URL. Only for the wire."""
        return f"{self.address}?{self.secret_query}"

    def below(self, path: str) -> SignedUrl:
        """The same right at a path below this address (for a container's SAS)."""
        return SignedUrl(f"{self.address.rstrip('/')}/{path.lstrip('/')}", self.secret_query)

    def __str__(self) -> str:
        return f"{self.address}?…"


class RenewableUrl:
    """A signed URL that is replaced when it has expired. Thread-safe: many readers meet an
    expiry at once, and only the first of them asks for a new one."""

    def __init__(
        self, first: SignedUrl, renew: Callable[[SignedUrl], SignedUrl] | None = None
    ) -> None:
        self._current = first
        self._renew = renew
        self._lock = threading.Lock()

    def current(self) -> SignedUrl:
        """The newest one."""
        return self._current

    def replace(self, stale: SignedUrl) -> SignedUrl:
        """Another one than ``stale``, which was refused. Raises ``Denied`` without a source."""
        with self._lock:
            if self._current is not stale:
                return self._current
            if self._renew is None:
                raise Denied(f"The access to {stale.address} has expired and cannot be renewed.")
            self._current = self._renew(stale)
            return self._current


def query_text(parameters: dict[str, str], secret_query: str = "") -> str:
    """A query from parameters and a SAS; the SAS stays byte for byte as it was given."""
    return "&".join(part for part in (urlencode(parameters), secret_query) if part)
