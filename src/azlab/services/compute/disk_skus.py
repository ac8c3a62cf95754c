"""Kinds of managed disks: names, tiers and the figures that come with a size."""

from __future__ import annotations

from dataclasses import dataclass

DISK_SKUS = {
    "standard_lrs": ("Standard_LRS", "Standard"),
    "standardssd_lrs": ("StandardSSD_LRS", "Standard"),
    "standardssd_zrs": ("StandardSSD_ZRS", "Standard"),
    "premium_lrs": ("Premium_LRS", "Premium"),
    "premium_zrs": ("Premium_ZRS", "Premium"),
    "premiumv2_lrs": ("PremiumV2_LRS", "Premium"),
    "ultrassd_lrs": ("UltraSSD_LRS", "Ultra"),
}
SNAPSHOT_SKUS = {
    "standard_lrs": ("Standard_LRS", "Standard"),
    "standard_zrs": ("Standard_ZRS", "Standard"),
    "premium_lrs": ("Premium_LRS", "Premium"),
}
SLOW_SNAPSHOT_SKUS = ("PremiumV2_LRS", "UltraSSD_LRS")
"""Snapshots of these are copied in the background and cannot be used before they are whole."""


@dataclass(frozen=True, slots=True)
class Performance:
    """What a disk of a kind and size gives."""

    iops: int
    megabytes_per_second: int
    tier: str | None = None


_PREMIUM = (  # GiB up to, tier, IOPS, MB/s
    (4, "P1", 120, 25),
    (8, "P2", 120, 25),
    (16, "P3", 120, 25),
    (32, "P4", 120, 25),
    (64, "P6", 240, 50),
    (128, "P10", 500, 100),
    (256, "P15", 1100, 125),
    (512, "P20", 2300, 150),
    (1024, "P30", 5000, 200),
    (2048, "P40", 7500, 250),
    (4096, "P50", 7500, 250),
    (8192, "P60", 16000, 500),
    (16384, "P70", 18000, 750),
    (32767, "P80", 20000, 900),
)


def performance(sku: str, size_gib: int) -> Performance:
    """The default figures of a disk."""
    if sku.startswith(("PremiumV2", "UltraSSD")):
        return Performance(3000, 125)
    if sku.startswith("Premium"):
        for limit, tier, iops, rate in _PREMIUM:
            if size_gib <= limit:
                return Performance(iops, rate, tier)
    return Performance(500, 60 if size_gib <= 4096 else 500)
