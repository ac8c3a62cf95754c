"""Who may do what on the disk data plane: every request proves itself by its SAS."""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from azlab.core.http import QueryArgs, Request
from azlab.core.state import State, Transaction
from azlab.services.disks import grants
from azlab.services.disks.blob_errors import BlobError
from azlab.services.disks.grants import Grant

NEWEST_VERSION = "2026-10-06"
OLDEST_VERSION = "2014-02-14"
_VERSION = re.compile(r"\d{4}-\d\d-\d\d")
_SIGNED_PATH = re.compile(r"/([^/]+)/([^/]+)/abcd/?")


def admit(state: State, request: Request, account: str, container: str, access: str) -> Grant:
    """The grant of a request, or 403; ``access`` is what the operation needs."""
    with state.transaction() as tx:
        grant = verified(tx, account, container, request.query, request.now)
    if access == "Write" and grant.access != "Write":
        raise BlobError(
            403,
            "AuthorizationPermissionMismatch",
            "This request is not authorized to perform this operation using this permission.",
        )
    return grant


def previous_grant(state: State, url: str, now: datetime) -> Grant:
    """The grant behind ``x-ms-previous-snapshot-url``, which must be live as well."""
    parts = urlsplit(url)
    found = _SIGNED_PATH.fullmatch(parts.path)
    if found is None or not parse_qs(parts.query).get("sig"):
        raise BlobError(
            400,
            "InvalidHeaderValue",
            "The value for one of the HTTP headers is not in the correct format.",
            HeaderName="x-ms-previous-snapshot-url",
        )
    with state.transaction() as tx:
        return verified(tx, found[1], found[2], QueryArgs(parts.query), now)


def verified(
    tx: Transaction, account: str, container: str, query: QueryArgs, now: datetime
) -> Grant:
    """The live grant that the signature in a query belongs to."""
    grant = grants.at(tx, account, container)
    given = query.text("sig")
    if grant is None:
        raise _refused("The SAS has been revoked, or never was.")
    expected = grant.signature(grants.signing_key(tx))
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise _refused("Signature did not match.")
    if query.text("si") != grant.grant_id or query.text("sr") != "b":
        raise _refused("The signed fields are not those of the signature.")
    if grant.expires_at <= now:
        raise _refused(f"Signature not valid after {grant.expires_at.isoformat()}.")
    return grant


def service_version(request: Request) -> str:
    """``x-ms-version``, or the version the SAS names; 400 for one the lab does not know."""
    text = request.headers.get("x-ms-version") or request.query.text("sv")
    if not _VERSION.fullmatch(text) or not OLDEST_VERSION <= text <= NEWEST_VERSION:
        raise BlobError(
            400,
            "InvalidHeaderValue",
            "The value for one of the HTTP headers is not in the correct format.",
            HeaderName="x-ms-version",
            HeaderValue=text,
        )
    return text


def _refused(detail: str) -> BlobError:
    return BlobError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header "
        "is formed correctly including the signature.",
        AuthenticationErrorDetail=detail,
    )
