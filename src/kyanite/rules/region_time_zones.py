"""The time zone of an Azure region: where its data centres stand.

Azure does not tell it; the API shows the local time of restore points. A region that is not
listed here counts as UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from kyanite.base.azure_names import region_code

_ZONES: Final[Mapping[str, tuple[str, ...]]] = {
    "America/New_York": ("eastus", "eastus2", "usgovvirginia", "usdodeast"),
    "America/Chicago": (
        *("centralus", "northcentralus", "southcentralus", "usgovtexas", "usdodcentral"),
        "usgoviowa",
    ),
    "America/Denver": ("westcentralus",),
    "America/Phoenix": ("westus3", "usgovarizona"),
    "America/Los_Angeles": ("westus", "westus2"),
    "America/Toronto": ("canadacentral", "canadaeast"),
    "America/Mexico_City": ("mexicocentral",),
    "America/Sao_Paulo": ("brazilsouth", "brazilsoutheast"),
    "America/Santiago": ("chilecentral",),
    "Europe/Dublin": ("northeurope",),
    "Europe/Amsterdam": ("westeurope",),
    "Europe/London": ("uksouth", "ukwest"),
    "Europe/Paris": ("francecentral", "francesouth"),
    "Europe/Berlin": (
        *("germanywestcentral", "germanynorth", "germanycentral", "germanynortheast"),
    ),
    "Europe/Zurich": ("switzerlandnorth", "switzerlandwest"),
    "Europe/Vienna": ("austriaeast",),
    "Europe/Brussels": ("belgiumcentral",),
    "Europe/Oslo": ("norwayeast", "norwaywest"),
    "Europe/Stockholm": ("swedencentral", "swedensouth"),
    "Europe/Copenhagen": ("denmarkeast",),
    "Europe/Rome": ("italynorth",),
    "Europe/Madrid": ("spaincentral",),
    "Europe/Warsaw": ("polandcentral",),
    "Asia/Jerusalem": ("israelcentral",),
    "Asia/Qatar": ("qatarcentral",),
    "Asia/Dubai": ("uaenorth", "uaecentral"),
    "Asia/Kolkata": ("centralindia", "southindia", "westindia", "jioindiawest", "jioindiacentral"),
    "Asia/Singapore": ("southeastasia",),
    "Asia/Kuala_Lumpur": ("malaysiawest",),
    "Asia/Jakarta": ("indonesiacentral",),
    "Asia/Hong_Kong": ("eastasia",),
    "Asia/Shanghai": ("chinaeast", "chinaeast2", "chinaeast3", "chinanorth", "chinanorth2"),
    "Asia/Seoul": ("koreacentral", "koreasouth"),
    "Asia/Tokyo": ("japaneast", "japanwest"),
    "Africa/Johannesburg": ("southafricanorth", "southafricawest"),
    "Australia/Sydney": ("australiaeast", "australiacentral", "australiacentral2"),
    "Australia/Melbourne": ("australiasoutheast",),
    "Pacific/Auckland": ("newzealandnorth",),
}
_BY_REGION: Final = {region: zone for zone, regions in _ZONES.items() for region in regions}


def local_time(moment: datetime, region: str) -> datetime:
    """The moment as the clocks in the region (its code name) show it."""
    return moment.astimezone(ZoneInfo(_BY_REGION.get(region_code(region), "UTC")))
