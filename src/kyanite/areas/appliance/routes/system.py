"""Tag System: is it up, what is it, where is it, what time is it there."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Response

from kyanite.areas.appliance.facts import ApplianceFacts
from kyanite.areas.appliance.health import Health
from kyanite.areas.appliance.settings import installation_id, time_zone
from kyanite.base.clock import Clock
from kyanite.contract.models.shared import AzureEnvironment
from kyanite.contract.models.system import DateTimeInfo, DisabledSections, ServerInfo, SystemInfo
from kyanite.http.provide import Provided
from kyanite.http.rights import Right
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

COPYRIGHT = "Copyright the Kyanite authors. Licensed under AGPL-3.0-or-later."

routes = Routes()
Facts = Annotated[ApplianceFacts, Provided(ApplianceFacts)]


@routes.operation("System_ServiceIsUp", None)
def service_is_up(health: Annotated[Health, Provided(Health)]) -> Response:
    """200 without a body when all services work, else 503."""
    return Response(status_code=200 if health.is_up() else 503)


@routes.operation("System_GetAbout", Right.ANY)
def about(facts: Facts, db: DbSession) -> SystemInfo:
    """What runs here. The data mover and file recovery are parts of the one product."""
    return SystemInfo(
        server_version=facts.version,
        worker_version=facts.version,
        flr_version=facts.version,
        database_id=UUID(installation_id(db)),
        copyright=COPYRIGHT,
        deployment_subscription_id=facts.subscription_id,
    )


@routes.operation("System_GetServerInfo", Right.ANY)
def server_info(facts: Facts) -> ServerInfo:
    """Where it runs."""
    return ServerInfo(
        subscription_id=UUID(facts.subscription_id),
        server_name=facts.server_name,
        azure_region=facts.region or None,
        azure_region_name=facts.region or None,
        azure_vm_id=facts.resource_id or None,
        resource_group=facts.resource_group or None,
        azure_environment=AzureEnvironment(facts.cloud),
        virtual_machine_unique_id=facts.machine_id or None,
        disabled_sections=DisabledSections(configuration_snapshot_based=False),
    )


@routes.operation("System_GetServerDateTimeInfo", Right.ANY)
def server_time(db: DbSession, clock: Annotated[Clock, Provided(Clock)]) -> DateTimeInfo:
    """The time, and the time zone that schedules follow."""
    return DateTimeInfo(utc_date_time=clock.now(), time_zone=time_zone(db))
