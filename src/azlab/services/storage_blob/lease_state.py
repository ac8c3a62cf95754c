"""Leases as a pure state machine: a lease, an action and the time give the next lease.

Source: "Lease Blob", the table "Outcomes of lease operations on blobs by lease state".
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.store.records import Lease

INFINITE = -1


class LeaseState(StrEnum):
    AVAILABLE = "available"
    LEASED = "leased"
    EXPIRED = "expired"
    BREAKING = "breaking"
    BROKEN = "broken"


@dataclass(frozen=True)
class LeaseWords:
    """Which errors a use of the wrong lease gives: blobs and containers differ."""

    mismatch: str
    not_present: str


BLOB_WORDS = LeaseWords("LeaseIdMismatchWithBlobOperation", "LeaseNotPresentWithBlobOperation")
CONTAINER_WORDS = LeaseWords(
    "LeaseIdMismatchWithContainerOperation", "LeaseNotPresentWithContainerOperation"
)


def state(lease: Lease | None, now: datetime) -> LeaseState:
    if lease is None:
        return LeaseState.AVAILABLE
    if lease.break_at is not None:
        return LeaseState.BREAKING if now < lease.break_at else LeaseState.BROKEN
    if lease.expires_at is not None and now >= lease.expires_at:
        return LeaseState.EXPIRED
    return LeaseState.LEASED


def is_locked(lease: Lease | None, now: datetime) -> bool:
    return state(lease, now) in (LeaseState.LEASED, LeaseState.BREAKING)


def check_use(
    lease: Lease | None, lease_id: str | None, now: datetime, words: LeaseWords, *, writes: bool
) -> None:
    """May a request that names `lease_id` (or none) go on? Reads need no lease id."""
    if is_locked(lease, now) and lease is not None:
        if lease_id is None:
            if writes:
                raise StorageError("LeaseIdMissing")
        elif lease_id.lower() != lease.lease_id.lower():
            raise StorageError(words.mismatch)
    elif lease_id is not None:
        raise StorageError(words.not_present)


def acquire(lease: Lease | None, lease_id: str, duration_seconds: int, now: datetime) -> Lease:
    current = state(lease, now)
    same = lease is not None and lease.lease_id.lower() == lease_id.lower()
    if current is LeaseState.BREAKING:
        raise StorageError("LeaseIsBreakingAndCannotBeAcquired" if same else "LeaseAlreadyPresent")
    if current is LeaseState.LEASED and not same:
        raise StorageError("LeaseAlreadyPresent")
    return Lease(lease_id, duration_seconds, _end(duration_seconds, now))


def renew(lease: Lease | None, lease_id: str, now: datetime) -> Lease:
    held = _matching(lease, lease_id)
    if held.break_at is not None:
        raise StorageError("LeaseIsBrokenAndCannotBeRenewed")
    return replace(held, expires_at=_end(held.duration_seconds, now))


def change(lease: Lease | None, lease_id: str, proposed_id: str, now: datetime) -> Lease:
    current = state(lease, now)
    if lease is None or current in (LeaseState.EXPIRED, LeaseState.BROKEN):
        raise StorageError("LeaseNotPresentWithLeaseOperation")
    if lease.lease_id.lower() not in (lease_id.lower(), proposed_id.lower()):
        raise StorageError("LeaseIdMismatchWithLeaseOperation")
    if current is LeaseState.BREAKING:
        raise StorageError("LeaseIsBreakingAndCannotBeChanged")
    return replace(lease, lease_id=proposed_id)


def release(lease: Lease | None, lease_id: str) -> None:
    _matching(lease, lease_id)


def break_(lease: Lease | None, period_seconds: int | None, now: datetime) -> tuple[Lease, int]:
    """The broken lease, and the seconds until another can be acquired."""
    current = state(lease, now)
    if lease is None:
        raise StorageError("LeaseNotPresentWithLeaseOperation")
    if current in (LeaseState.BROKEN, LeaseState.EXPIRED):
        return replace(lease, break_at=min(lease.break_at or now, now)), 0
    end = lease.break_at if current is LeaseState.BREAKING else lease.expires_at
    left = None if end is None else max(0.0, (end - now).total_seconds())
    if period_seconds is None:
        wait = left if left is not None else 0.0  # an infinite lease breaks at once
    else:
        wait = float(period_seconds) if left is None else min(float(period_seconds), left)
    return replace(lease, break_at=now + timedelta(seconds=wait)), int(wait + 0.999)


def after_write(lease: Lease | None, now: datetime) -> Lease | None:
    """Changing a blob ends what is left of an expired or broken lease."""
    return lease if is_locked(lease, now) else None


def _matching(lease: Lease | None, lease_id: str) -> Lease:
    if lease is None:
        raise StorageError("LeaseNotPresentWithLeaseOperation")
    if lease.lease_id.lower() != lease_id.lower():
        raise StorageError("LeaseIdMismatchWithLeaseOperation")
    return lease


def _end(duration_seconds: int, now: datetime) -> datetime | None:
    return None if duration_seconds == INFINITE else now + timedelta(seconds=duration_seconds)
