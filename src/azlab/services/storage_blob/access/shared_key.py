"""Shared Key authorisation: the text a client signs with an account key.

Source: "Authorize with Shared Key". In path style the account stands in the path as well, so the
canonicalised resource names it twice: `/account/account/container/blob`.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping

from azlab.services.storage_blob.request import BlobRequest

_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def sign(key: bytes, text: str) -> str:
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def matches_any(signature: str, text: str, keys: Iterable[bytes]) -> bool:
    """Compares in constant time, and with every key, so that timing tells nothing."""
    given = signature.encode("utf-8", "surrogateescape")
    found = False
    for key in keys:
        found |= hmac.compare_digest(sign(key, text).encode(), given)
    return found


def strings_to_sign(request: BlobRequest, account: str) -> tuple[str, ...]:
    """Two texts that differ, if at all, in the order of the x-ms headers.

    The service sorts by its own collation, in which a hyphen weighs nothing; older clients sort by
    bytes. Both are accepted.
    """
    headers = {name: request.headers.get(name, "") for name in _SIGNED_HEADERS}
    if headers["content-length"] == "0":
        headers["content-length"] = ""
    if request.headers.get("x-ms-date"):
        headers["date"] = ""
    head = request.method + "\n" + "".join(headers[name] + "\n" for name in _SIGNED_HEADERS)
    tail = f"/{account}{request.raw_path}" + _canonical_query(request.query)
    names = [name for name in request.headers if name.startswith("x-ms-")]
    orders = (sorted(names), sorted(names, key=lambda name: (name.replace("-", ""), name)))
    texts = (head + _canonical_headers(request.headers, order) + tail for order in orders)
    return tuple(dict.fromkeys(texts))


def _canonical_headers(headers: Mapping[str, str], order: list[str]) -> str:
    return "".join(f"{name}:{headers[name].strip()}\n" for name in order)


def _canonical_query(query: Mapping[str, str]) -> str:
    return "".join(f"\n{name}:{query[name]}" for name in sorted(query))
