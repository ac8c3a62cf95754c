"""Where resources are: their region, their zones, and whether they are on their way out.

What the providers of compute and network share.
"""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.errors import ArmError
from azlab.core.json_types import JsonObject, text_at, texts_at
from azlab.core.resources import Record
from azlab.core.state import Transaction
from azlab.services.resources.regions import Region, code_name
from azlab.services.resources.state import locations

_ZONES = ("1", "2", "3")


def location_of(body: JsonObject) -> str:
    """The region code of a body: `West Europe` and `westeurope` are the same."""
    location = code_name(text_at(body, "location"))
    if not location:
        raise ArmError(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
            target="location",
        )
    return location


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


def check_zones(
    call: ArmCall, asked: JsonObject, location: str, *, zone_redundant: bool = False
) -> None:
    """Region and zones of a new resource exist and fit each other."""
    check_region(call, location)
    there = zones(call, location)
    wanted = texts_at(asked, "zones")
    if len(wanted) > 1:
        raise _invalid("zones", "A machine, disk or snapshot can be in one zone only.")
    if wanted and wanted[0] not in there:
        raise ArmError(
            400,
            "AvailabilityZoneNotSupported",
            f"The zone(s) '{wanted[0]}' for resource '{call.id.type}/{call.id.name}' is not "
            f"supported. The supported zones for location '{location}' are '{','.join(there)}'.",
        )
    if zone_redundant and not there:
        raise _invalid("sku.name", f"Zone-redundant storage is not available in {location}.")
    if zone_redundant and wanted:
        raise _invalid("zones", "A zone-redundant resource cannot be put into one zone.")


def check_same_location(asked: JsonObject, known: Record) -> None:
    """An existing resource stays where it is."""
    here, there = location_of(asked), location_of(known.body)
    if here != there:
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{known.id.name}' already exists in location '{there}'. A resource "
            f"with the same name cannot be created in location '{here}'. Please select a new "
            "resource name.",
        )


def check_not_deleting(known: Record) -> None:
    """409 while a resource is on its way out: what is built on it now would be lost with it."""
    if text_at(known.body, "properties", "provisioningState") == "Deleting":
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The resource '{known.id.text}' is being deleted; wait until that has ended.",
        )


def _invalid(member: str, message: str) -> ArmError:
    return ArmError(400, "InvalidParameter", message, target=member)
