"""Where compute resources can be: regions of this lab and their zones."""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.errors import ArmError
from azlab.core.json_types import JsonObject, texts_at
from azlab.core.state import Transaction
from azlab.services.compute.errors import invalid
from azlab.services.resources.regions import Region
from azlab.services.resources.state import locations

_ZONES = ("1", "2", "3")


def find_region(tx: Transaction, location: str) -> Region | None:
    """A region of this lab by its code name."""
    return next((region for region in locations(tx) if region.name == location), None)


def zones(call: ArmCall, location: str) -> tuple[str, ...]:
    """The zones of a region; none where Azure has none."""
    region = find_region(call.tx, location)
    return _ZONES if region is not None and region.has_zones else ()


def check_region(call: ArmCall, location: str) -> None:
    """400 for a region that this lab does not have."""
    if find_region(call.tx, location) is None:
        names = ",".join(region.name for region in locations(call.tx))
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type "
            f"'{call.id.type}'. List of available regions for the resource type is '{names}'.",
        )


def check_placement(
    call: ArmCall, asked: JsonObject, location: str, *, zone_redundant: bool
) -> None:
    """Region and zones of a new resource exist and fit each other."""
    check_region(call, location)
    there = zones(call, location)
    wanted = texts_at(asked, "zones")
    if len(wanted) > 1:
        raise invalid("zones", "A machine, disk or snapshot can be in one zone only.")
    if wanted and wanted[0] not in there:
        raise ArmError(
            400,
            "AvailabilityZoneNotSupported",
            f"The zone(s) '{wanted[0]}' for resource '{call.id.type}/{call.id.name}' is not "
            f"supported. The supported zones for location '{location}' are '{','.join(there)}'.",
        )
    if zone_redundant and not there:
        raise invalid("sku.name", f"Zone-redundant storage is not available in {location}.")
    if zone_redundant and wanted:
        raise invalid("zones", "A zone-redundant resource cannot be put into one zone.")
