"""Tag License: docs/behaviour/appliance.md, section 6.2."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from kyanite.areas.reports import license_uses
from kyanite.areas.reports.license_uses import LicensedUnit
from kyanite.base.clock import Clock
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.license import GetReportQuery, LicenseExportOptions
from kyanite.http.answers import wire_time
from kyanite.http.exports import export_file
from kyanite.http.pages import Paging, page
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes()
Now = Annotated[Clock, Provided(Clock)]

COLUMNS: Final = ("id", "name", "resourceType", "licensedState", "lastBackupTime", "cost")


@routes.operation("License_GetLicense")
def get_license(db: DbSession, clock: Now) -> JsonObject:
    """What counts, of an unlimited number."""
    return _info(db, clock)


@routes.operation("License_RemoveLicense")
def remove_license(db: DbSession, clock: Now) -> JsonObject:
    """There is none to remove: what is left is what there was."""
    return _info(db, clock)


@routes.operation("License_DeregisterLicensingServer")
def deregister_server() -> None:
    """There is no licensing server: nothing is left to be detached."""


@routes.operation("License_GetReport")
def list_resources(
    query: Annotated[GetReportQuery, Query()], db: DbSession, clock: Now, request: Request
) -> JsonObject:
    """What counts, one by one."""
    now = clock.now()
    total = license_uses.count_machines(db, now, query.search_pattern)
    found = license_uses.units(db, now, query.search_pattern, Paging.of(query))
    return page(request, query, total, [_unit(one) for one in found])


@routes.operation("License_ExportLicenseUsages")
def export_resources(
    db: DbSession, clock: Now, request: Request, body: LicenseExportOptions | None = None
) -> Response:
    """What counts, as a file."""
    chosen = body.licensed_resource_ids if body else None
    ids = None if chosen is None else {str(one) for one in chosen}
    found = license_uses.chosen_units(db, clock.now(), ids)
    rows = ([_unit(one)[name] for name in COLUMNS] for one in found)
    return export_file(request, "licensedResources", COLUMNS, rows)


def _info(db: Session, clock: Clock) -> JsonObject:
    machines = float(license_uses.count_machines(db, clock.now()))
    return {
        "licenseType": "Free",
        "isFreeEdition": True,
        "totalInstancesUses": machines,
        "vmsInstancesUses": machines,
        # No workload but machines can be protected yet.
        "sqlInstancesUses": 0.0,
        "fileShareInstancesUses": 0.0,
        "cosmosDbInstancesUses": 0.0,
        "instances": license_uses.UNLIMITED,
        "company": None,
        "email": None,
        "licenseExpires": None,
        "licenseId": None,
        "supportId": None,
        "gracePeriodDays": 0,
        "veeamOnlineStoreUrl": None,
        "licensingServer": None,
    }


def _unit(unit: LicensedUnit) -> JsonObject:
    return {
        "id": unit.id,
        "name": unit.name,
        "resourceType": unit.resource_type,
        "licensedState": "Licensed",
        "lastBackupTime": wire_time(unit.last_backup_at),
        "cost": unit.cost,
    }
