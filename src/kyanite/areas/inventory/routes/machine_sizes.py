"""VmSize: docs/behaviour/appliance.md, section 11; workers.md, section 5."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request

from kyanite.areas.inventory import plain_wire
from kyanite.areas.inventory.sizes import MachineSizes, places, worker_places
from kyanite.base.identifiers import id_text
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.vm_size import GetVmSizesForWorkerQuery, GetVmSizesQuery
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

routes = Routes()

Sizes = Annotated[MachineSizes, Provided(MachineSizes)]


@routes.operation("VmSize_GetVmSizes")
def list_sizes(
    query: Annotated[GetVmSizesQuery, Query()], db: DbSession, sizes: Sizes, request: Request
) -> list[JsonObject]:
    """The sizes that machines of a region may have, for each subscription."""
    looked_at = places(
        db,
        region=query.region,
        account_id=query.service_account_id,
        subscription_id=id_text(query.subscription_id),
    )
    return [
        plain_wire.machine_size(request, size, place.subscription_id)
        for place, offered in sizes.at(looked_at)
        for size in offered
    ]


@routes.operation("VmSize_GetVmSizesForWorker")
def list_worker_sizes(
    query: Annotated[GetVmSizesForWorkerQuery, Query()],
    db: DbSession,
    sizes: Sizes,
    request: Request,
) -> list[JsonObject]:
    """The sizes that workers of a region may have."""
    wanted = (query.name_search_pattern or "").lower()
    return [
        plain_wire.machine_size(request, size, place.subscription_id)
        for place, offered in sizes.at(worker_places(db, query.region))
        for size in offered
        if size.carries_worker and wanted in size.name.lower()
    ]
