"""Access to one container with chosen rights, to hand to a data mover.

A *user delegation* SAS rests on the account's own rights in the directory and no key ever
leaves Azure. Where that is not allowed, or the directory grants the service account no
right to the data, a *service SAS* is made with the storage account's key. Rights are the
letters of Azure: ``r`` read, ``c`` create, ``l`` list, ``w`` write, ``d`` delete, ``x`` delete
versions, ``i`` lock; create without write cannot overwrite.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from azure.storage.blob import ContainerSasPermissions, UserDelegationKey, generate_container_sas

from kyanite.azure.addresses import https_host, is_at_or_below
from kyanite.azure.arm import ArmClient
from kyanite.azure.blob import accounts
from kyanite.azure.blob.client import ContainerClient
from kyanite.azure.cloud import Cloud
from kyanite.azure.connections import ConnectionPool
from kyanite.azure.data_plane import DataPlane, PlaneError, SignedAccess, TokenAccess
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.azure.xml_answers import parse_xml
from kyanite.base.errors import Denied, Gone, Rejected
from kyanite.base.json_types import JsonObject, as_text, dig

BACKUP_RIGHTS: Final = "rcl"
RESTORE_RIGHTS: Final = "rl"
MAINTENANCE_RIGHTS: Final = "rcdl"
LOCKING_RIGHTS: Final = "rcdxli"
"""Maintenance where versions are locked: they are removed (``x``), and locks are set (``i``)."""

_SKEW: Final = timedelta(minutes=5)
"""A SAS starts a little in the past, as the clocks of Azure's servers differ."""
_ZONED_DOMAIN: Final = "storage.azure.net"
"""Where accounts with endpoints in a DNS zone of their own are, beside the cloud's suffix."""
_LONGEST_DELEGATION: Final = timedelta(days=7)


def container_access(
    arm: ArmClient, account_id: str, container: str, rights: str, seconds: int
) -> SignedUrl:
    """A SAS of the container with exactly ``rights`` for ``seconds``.

    Raises ``Denied`` when neither way is open to the service account, ``Rejected`` when the
    account's endpoint is none of the cloud's.
    """
    answer = arm.send("GET", arm.url(account_id))
    account, now = answer.body, _service_time(answer.headers)
    _require_own_endpoint(arm.cloud, account)
    pool = ConnectionPool(arm.cloud.ca_file)
    try:
        return _delegated(arm, account, container, rights, now, seconds, pool)
    except (Denied, Rejected):
        # Not allowed for this account or this principal; the account key may be.
        return _with_account_key(arm, account_id, account, container, rights, now, seconds)
    finally:
        pool.close()


def renewable_access(
    arm: ArmClient, account_id: str, container: str, rights: str, seconds: int
) -> RenewableUrl:
    """The same, made anew whenever it has expired: for the appliance's own use."""

    def renew(_: SignedUrl) -> SignedUrl:
        return container_access(arm, account_id, container, rights, seconds)

    return RenewableUrl(container_access(arm, account_id, container, rights, seconds), renew)


def _require_own_endpoint(cloud: Cloud, account: JsonObject) -> None:
    """Tokens and SAS of the account go to hosts of the cloud's storage only, whatever is said."""
    host = https_host(accounts.blob_endpoint(account))
    if not any(is_at_or_below(host, domain) for domain in (cloud.storage_suffix, _ZONED_DOMAIN)):
        raise Rejected(f"Azure names {host} for blobs, which is no host of the cloud's storage.")


def _delegated(
    arm: ArmClient,
    account: JsonObject,
    container: str,
    rights: str,
    now: datetime,
    seconds: int,
    pool: ConnectionPool,
) -> SignedUrl:
    endpoint = accounts.blob_endpoint(account)
    start, end = now - _SKEW, now + min(timedelta(seconds=seconds), _LONGEST_DELEGATION)
    plane = DataPlane(
        pool,
        TokenAccess(endpoint, lambda: arm.login.token(arm.cloud.storage_scope), arm.login.forget),
        arm.check,
    )
    body = (
        '<?xml version="1.0" encoding="utf-8"?><KeyInfo>'
        f"<Start>{start:%Y-%m-%dT%H:%M:%SZ}</Start><Expiry>{end:%Y-%m-%dT%H:%M:%SZ}</Expiry>"
        "</KeyInfo>"
    ).encode()
    try:
        reply = plane.request(
            "POST",
            "/",
            query={"restype": "service", "comp": "userdelegationkey"},
            headers={"Content-Type": "application/xml"},
            body=body,
        )
    except PlaneError as failure:
        raise failure.error from failure
    sas = generate_container_sas(
        as_text(account.get("name")),
        container,
        user_delegation_key=_parse_key(reply.answer.body),
        permission=ContainerSasPermissions.from_string(rights),
        start=start,
        expiry=end,
        protocol="https",
    )
    url = SignedUrl(f"{endpoint}/{container}", sas)
    if "l" in rights:
        # The SAS cannot do more than the principal may: Owner, for one, may not touch data.
        client = ContainerClient(pool, SignedAccess(RenewableUrl(url)), arm.check)
        next(client.list(prefix="-", delimiter="/"))
        if "i" in rights:
            with suppress(Gone):  # there is no such blob; who may not lock is told so before
                client.versions.lock("-/-", now + timedelta(days=1))
    return url


def _with_account_key(
    arm: ArmClient,
    account_id: str,
    account: JsonObject,
    container: str,
    rights: str,
    now: datetime,
    seconds: int,
) -> SignedUrl:
    name = as_text(account.get("name"))
    if dig(account, "properties", "allowSharedKeyAccess") is False:
        raise Denied(
            f"The storage account {name} allows no access by key, and the service account has no "
            "right to its data. Assign it the role Storage Blob Data Contributor."
        )
    found = accounts.keys(arm, account_id)
    if not found:
        raise Denied(f"The storage account {name} has no keys.")
    sas = generate_container_sas(
        name,
        container,
        account_key=found[0],
        permission=ContainerSasPermissions.from_string(rights),
        start=now - _SKEW,
        expiry=now + timedelta(seconds=seconds),
        protocol="https",
    )
    return SignedUrl(f"{accounts.blob_endpoint(account)}/{container}", sas)


def _parse_key(xml: bytes) -> UserDelegationKey:
    key = UserDelegationKey()  # type: ignore[no-untyped-call]
    root = parse_xml(xml, "Azure's delegation key")
    key.signed_oid = root.findtext("SignedOid")
    key.signed_tid = root.findtext("SignedTid")
    key.signed_start = root.findtext("SignedStart")
    key.signed_expiry = root.findtext("SignedExpiry")
    key.signed_service = root.findtext("SignedService")
    key.signed_version = root.findtext("SignedVersion")
    key.value = root.findtext("Value")
    return key


def _service_time(headers: Mapping[str, str]) -> datetime:
    """The time by Azure's clock, which judges the SAS; ours where the answer has none."""
    try:
        moment = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return datetime.now(UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
