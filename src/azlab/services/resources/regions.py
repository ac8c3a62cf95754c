"""The regions a lab can have: names and places as Azure lists them."""

import hashlib
from dataclasses import dataclass

from azlab.core.json_types import JsonObject, JsonValue


@dataclass(frozen=True)
class Region:
    """One region; `has_zones` says whether it has three availability zones."""

    name: str
    display_name: str
    geography: str
    geography_group: str
    physical_location: str
    latitude: str
    longitude: str
    pair: str
    has_zones: bool


REGIONS: dict[str, Region] = {
    one.name: one
    for one in (
        Region(
            "westeurope", "West Europe", "Europe", "Europe", "Netherlands",
            "52.3667", "4.9", "northeurope", True,
        ),
        Region(
            "northeurope", "North Europe", "Europe", "Europe", "Ireland",
            "53.3478", "-6.2597", "westeurope", True,
        ),
        Region(
            "germanywestcentral", "Germany West Central", "Germany", "Europe", "Frankfurt",
            "50.110924", "8.682127", "germanynorth", True,
        ),
        Region(
            "germanynorth", "Germany North", "Germany", "Europe", "Berlin",
            "53.073635", "8.806422", "germanywestcentral", False,
        ),
        Region(
            "eastus", "East US", "United States", "US", "Virginia",
            "37.3719", "-79.8164", "westus", True,
        ),
        Region(
            "westus", "West US", "United States", "US", "California",
            "37.783", "-122.417", "eastus", False,
        ),
    )
}  # fmt: skip


def code_name(text: str) -> str:
    """`West Europe` and `westeurope` are one region."""
    return text.replace(" ", "").lower()


def physical_zone(region: str, subscription: str, logical_zone: int) -> str:
    """The building behind a logical zone, which differs from subscription to subscription."""
    turn = hashlib.sha256(f"{region} {subscription}".lower().encode()).digest()[0] % 3
    return f"{region}-az{(logical_zone - 1 + turn) % 3 + 1}"


def to_json(region: Region, subscription: str, present: list[str]) -> JsonObject:
    """As the locations of a subscription show it; `present` are the regions of this lab."""
    paired: list[JsonValue] = []
    if region.pair in present:
        paired.append(
            {
                "name": region.pair,
                "id": f"/subscriptions/{subscription}/locations/{region.pair}",
            }
        )
    shown: JsonObject = {
        "id": f"/subscriptions/{subscription}/locations/{region.name}",
        "name": region.name,
        "type": "Region",
        "displayName": region.display_name,
        "regionalDisplayName": f"({region.geography_group}) {region.display_name}",
        "metadata": {
            "regionType": "Physical",
            "regionCategory": "Recommended" if region.has_zones else "Other",
            "geography": region.geography,
            "geographyGroup": region.geography_group,
            "longitude": region.longitude,
            "latitude": region.latitude,
            "physicalLocation": region.physical_location,
            "pairedRegion": paired,
        },
    }
    if region.has_zones:
        zones: list[JsonValue] = [
            {
                "logicalZone": str(zone),
                "physicalZone": physical_zone(region.name, subscription, zone),
            }
            for zone in (1, 2, 3)
        ]
        shown["availabilityZoneMappings"] = zones
    return shown
