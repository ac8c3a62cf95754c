"""Write-once rules as pure decisions over lab time.

Two kinds exist. In a container *with immutable versions* each version carries a policy (or a legal
hold) of its own: writing a blob anew is always allowed, since it makes another version, deleting a
protected one never is. In any other container the container's policy protects every blob by its
age, and nothing in it can be overwritten.

Sources: "Version-level WORM policies" and "Container-level WORM policies" (tables of scenarios),
"Set Blob Immutability Policy", "Set Blob Legal Hold" of the public documentation.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from azlab.services.storage_blob.errors import StorageError, bad_header, missing_header
from azlab.services.storage_blob.http_dates import parse_rfc1123, rfc1123
from azlab.services.storage_blob.store.records import (
    Blob,
    Container,
    Protection,
    Retention,
)

UNTIL = "x-ms-immutability-policy-until-date"
MODE = "x-ms-immutability-policy-mode"
HOLD = "x-ms-legal-hold"
_MODES = {"unlocked": False, "locked": True}


def requested(headers: Mapping[str, str], now: datetime) -> Protection | None:
    """What the headers of a write ask for; None when they ask for nothing."""
    until = requested_policy(headers, now) if headers.get(UNTIL) or headers.get(MODE) else None
    hold = requested_hold(headers) if headers.get(HOLD) else None
    if until is None and hold is None:
        return None
    return replace(until or Protection(), legal_hold=hold)


def requested_policy(headers: Mapping[str, str], now: datetime) -> Protection:
    """A time-based policy. The date must lie ahead; it counts in whole seconds."""
    text = headers.get(UNTIL)
    if not text:
        raise missing_header(UNTIL)
    try:
        until = parse_rfc1123(text).replace(microsecond=0)
    except (ValueError, TypeError):
        raise bad_header(UNTIL, text) from None
    if until <= now:
        raise bad_header(UNTIL, text)
    mode = headers.get(MODE) or "Unlocked"
    if mode.lower() not in _MODES:
        raise bad_header(MODE, mode)
    return Protection(until, _MODES[mode.lower()])


def requested_hold(headers: Mapping[str, str]) -> bool:
    text = headers.get(HOLD)
    if not text:
        raise missing_header(HOLD)
    if text.lower() not in ("true", "false"):
        raise bad_header(HOLD, text)
    return text.lower() == "true"


def check_supported(container: Container) -> None:
    """Policies and holds of a blob need a container with immutable versions."""
    if container.worm.versions_since is None:
        raise StorageError("ImmutableStorageWithVersioningNotEnabled")


def of_new(
    asked: Protection | None, container: Container, default: Retention | None, now: datetime
) -> Protection:
    """The protection a new version starts with.

    Its own headers come first, then the container's policy, then `default`, the account's.
    """
    if asked is not None:
        check_supported(container)
    if container.worm.versions_since is None:
        return Protection()
    asked = asked or Protection()
    if asked.until is not None:
        return asked
    retention = container.worm.policy.retention if container.worm.policy else default
    if retention is None or retention.days <= 0:
        return asked
    until = (now + timedelta(days=retention.days)).replace(microsecond=0)
    return replace(asked, until=until, locked=retention.locked)


def changed(held: Protection, asked: Protection) -> Protection:
    """`held` with the policy of Set Blob Immutability Policy: a locked one only grows."""
    if held.locked and held.until and asked.until:
        weaker = not asked.locked or asked.until < held.until
        if weaker:
            raise StorageError("BlobImmutableDueToPolicy")
    return replace(asked, legal_hold=held.legal_hold)


def without_policy(held: Protection) -> Protection:
    if held.locked:
        raise StorageError("ImmutabilityPolicyDeleteOnLockedPolicy")
    return Protection(legal_hold=held.legal_hold)


def check_deletable(container: Container, blob: Blob, now: datetime) -> None:
    """May this generation go? For the current version too: it would lose its place only, but the
    service refuses that as well while a policy or a hold is on it."""
    if blob.protection.legal_hold or container.worm.holds:
        raise StorageError("BlobImmutableDueToLegalHold")
    until = blob.protection.until
    if until is not None and now < until:
        raise StorageError("BlobImmutableDueToPolicy")
    if container.worm.versions_since is None and container.worm.policy is not None:
        until = kept_until(blob, container.worm.policy.retention)
        if now < until:
            raise StorageError("BlobImmutableDueToPolicy")


def kept_until(blob: Blob, retention: Retention) -> datetime:
    """How long a container's policy keeps `blob`, where versions have none of their own."""
    return blob.created_at + timedelta(days=retention.days)


def check_replaceable(container: Container) -> None:
    """May an existing blob be written anew? Only immutable versions allow it beside a policy; in
    other containers even an expired policy forbids it."""
    if container.worm.holds:
        raise StorageError("BlobImmutableDueToLegalHold")
    if container.worm.policy is not None and container.worm.versions_since is None:
        raise StorageError("BlobImmutableDueToPolicy")


def check_metadata_changeable(container: Container, blob: Blob) -> None:
    """A policy on a version protects its metadata for good, a hold as long as it lasts."""
    check_replaceable(container)
    if blob.protection.legal_hold:
        raise StorageError("BlobImmutableDueToLegalHold")
    if blob.protection.until is not None:
        raise StorageError("BlobImmutableDueToPolicy")


def mode_text(protection: Protection) -> str:
    return "locked" if protection.locked else "unlocked"


def headers(protection: Protection) -> dict[str, str]:
    """As answers carry them; nothing where nothing was ever set."""
    found = {}
    if protection.until is not None:
        found[UNTIL] = rfc1123(protection.until)
        found[MODE] = mode_text(protection)
    if protection.legal_hold is not None:
        found[HOLD] = "true" if protection.legal_hold else "false"
    return found


HEADERS = frozenset((UNTIL, MODE, HOLD))
"""What a write may carry."""
