"""The terms of a SAS: from when, until when, from where, over what, and what it permits."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime

from azlab.services.storage_blob.access.sas_token import SasToken
from azlab.services.storage_blob.errors import StorageError, authentication_failed
from azlab.services.storage_blob.http_dates import iso_seconds, parse_iso
from azlab.services.storage_blob.store.records import StoredPolicy

MAX_DELEGATION_DAYS = 7


@dataclass(frozen=True)
class SasTerms:
    """`permission` holds the letters of `sp`; a stored policy has been merged in."""

    permission: str
    start: datetime | None
    expiry: datetime


def terms(token: SasToken, policy: StoredPolicy | None) -> SasTerms:
    """Each field is given once: in the SAS or in the stored policy, not in both."""
    values = {}
    for name, stored in (
        ("sp", policy.permission if policy else ""),
        ("st", policy.start if policy else ""),
        ("se", policy.expiry if policy else ""),
    ):
        given = token.get(name)
        if given and stored:
            raise authentication_failed(f"{name} is given both in the SAS and in its policy")
        values[name] = given or stored
    if not values["sp"]:
        raise authentication_failed("sp is required when not specified in StoredAccessPolicy")
    if not values["se"]:
        raise authentication_failed("se is required when not specified in StoredAccessPolicy")
    start = _moment("st", values["st"]) if values["st"] else None
    return SasTerms(values["sp"], start, _moment("se", values["se"]))


def check_time(start: datetime | None, expiry: datetime, now: datetime) -> None:
    """Raises AuthenticationFailed outside of the validity; `now` is lab time."""
    if (start is not None and now < start) or now >= expiry:
        raise authentication_failed(
            "Signature not valid in the specified time frame:"
            f" Start [{iso_seconds(start) if start else ''}] - Expiry [{iso_seconds(expiry)}]"
            f" - Current [{iso_seconds(now)}]"
        )


def check_delegation_key(token: SasToken, now: datetime) -> None:
    """The key must be valid as well, and for the blob service."""
    check_time(_moment("skt", token.get("skt")), _moment("ske", token.get("ske")), now)
    if token.get("sks") != "b":
        raise authentication_failed("sks does not name the blob service")


def check_protocol(token: SasToken) -> None:
    """The lab speaks HTTPS only, so only nonsense can be refused here."""
    if token.get("spr") not in ("", "https", "https,http"):
        raise authentication_failed("spr is not well formed")


def check_source(token: SasToken, client_ip: str) -> None:
    allowed = token.get("sip")
    if not allowed:
        return
    first, _, last = allowed.partition("-")
    try:
        low, high = (int(ipaddress.IPv4Address(part)) for part in (first, last or first))
    except ValueError:
        raise authentication_failed("sip is not well formed") from None
    if not low <= int(ipaddress.IPv4Address(client_ip)) <= high:
        error = StorageError("AuthorizationSourceIPMismatch")
        error.message = error.text.format(ip=client_ip)
        raise error


def _moment(name: str, text: str) -> datetime:
    try:
        return parse_iso(text)
    except ValueError:
        raise authentication_failed(f"{name} is not a valid date: {text!r}") from None
