"""Addresses that answers of Azure contain, looked at before anything is sent there.

A page link, a status address, an account's endpoint and a signed URL come from outside. They
are used only if every reader of the URL finds the same host in it: the checks here and the
library that connects must not disagree, as they do about a backslash.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from kyanite.base.errors import Rejected

_NETLOC: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?"
)
_CONFUSING: Final = re.compile(r"[\x00-\x1f\x7f\\]")
"""Some readers drop control characters, some take a backslash for a slash."""
_VISIBLE: Final = re.compile(r"[!-~]*")


def https_host(url: str) -> str:
    """Host, and port if it is named, of an https address, in lower case.

    Raises ``Rejected`` for anything else: another scheme, credentials before the host,
    characters that readers of URLs disagree about. The error shows no query: it may be secret.
    """
    address = url.partition("?")[0]
    try:
        parts = urlsplit(address)
    except ValueError:
        raise Rejected("Azure gave an address that is no URL.") from None
    netloc = parts.netloc.lower()
    if parts.scheme != "https" or not _NETLOC.fullmatch(netloc) or _CONFUSING.search(address):
        shown = _CONFUSING.sub("?", address[:120])
        raise Rejected(f"{shown} is not an https address that can be used.")
    return netloc


def is_sendable(text: str) -> bool:
    """Whether a target or header value goes over the wire as it is: visible ASCII only."""
    return _VISIBLE.fullmatch(text) is not None


def is_at_or_below(host: str, parent: str) -> bool:
    """Whether ``host`` is ``parent`` or a name below it."""
    return host == parent or host.endswith("." + parent)
