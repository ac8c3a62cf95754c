"""Access tiers and rehydration, as pure decisions over lab time.

A rehydration is a promise with a time: once the lab's clock has passed it, the blob is in its new
tier. Nothing has to run for that.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from azlab.services.storage_blob.errors import StorageError, bad_header
from azlab.services.storage_blob.store.records import ARCHIVE, Tier

ONLINE_TIERS = ("Hot", "Cool", "Cold")
BLOCK_BLOB_TIERS = (*ONLINE_TIERS, ARCHIVE)
PRIORITIES = ("Standard", "High")


@dataclass(frozen=True)
class RehydrateDelays:
    """How long a rehydration takes. The real service promises up to 15 hours, or 1 for High."""

    standard_seconds: int = 10 * 3600
    high_seconds: int = 3600

    def of(self, priority: str) -> timedelta:
        seconds = self.high_seconds if priority == "High" else self.standard_seconds
        return timedelta(seconds=seconds)


def parse_tier(text: str) -> str:
    for name in BLOCK_BLOB_TIERS:
        if text.lower() == name.lower():
            return name
    raise StorageError("InvalidBlobTier", details=(("HeaderName", "x-ms-access-tier"),))


def parse_priority(text: str | None) -> str:
    if text is None:
        return "Standard"
    for name in PRIORITIES:
        if text.lower() == name.lower():
            return name
    raise bad_header("x-ms-rehydrate-priority", text)


def effective(tier: Tier, now: datetime) -> Tier:
    """`tier` with a finished rehydration applied."""
    if tier.rehydrate_to and tier.rehydrate_at and now >= tier.rehydrate_at:
        return Tier(tier.rehydrate_to, inferred=False, changed_at=tier.rehydrate_at)
    return tier


def archive_status(tier: Tier) -> str | None:
    return f"rehydrate-pending-to-{tier.rehydrate_to.lower()}" if tier.rehydrate_to else None


def check_readable(tier: Tier) -> None:
    if tier.name == ARCHIVE:
        raise StorageError("BlobArchived")


def rehydration(tier: Tier, target: str, priority: str, now: datetime, delay: timedelta) -> Tier:
    """The archived `tier`, on its way to `target`."""
    return replace(
        tier,
        inferred=False,
        rehydrate_to=target,
        rehydrate_at=now + delay,
        rehydrate_priority=priority,
    )


def change(
    tier: Tier, target: str, priority: str, now: datetime, delays: RehydrateDelays
) -> tuple[Tier, bool]:
    """The tier after Set Blob Tier, and whether a rehydration is pending (202 instead of 200)."""
    if tier.rehydrate_to is not None:
        if target != tier.rehydrate_to:
            raise StorageError("BlobBeingRehydrated")
        if priority == "High" and tier.rehydrate_priority == "Standard" and tier.rehydrate_at:
            sooner = min(tier.rehydrate_at, now + delays.of("High"))
            return replace(tier, rehydrate_at=sooner, rehydrate_priority="High"), True
        return tier, True
    if tier.name == ARCHIVE and target != ARCHIVE:
        return rehydration(tier, target, priority, now, delays.of(priority)), True
    return Tier(target, inferred=False, changed_at=now), False
