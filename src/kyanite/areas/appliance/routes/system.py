"""Tag System: is it up, what is it, where is it, what time is it there, what does its log say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query, Request, Response

from kyanite.areas.appliance.deployment import Deployment, DeploymentMode, deployment_state
from kyanite.areas.appliance.facts import ApplianceFacts
from kyanite.areas.appliance.health import Health
from kyanite.areas.appliance.log_files import LogFolder
from kyanite.areas.appliance.session_queries import count_active
from kyanite.areas.appliance.settings import installation_id, set_time_zone, time_zone
from kyanite.areas.appliance.support_archive import Window, parts_of, write_archive
from kyanite.areas.appliance.support_contact import SupportContact, support_code
from kyanite.areas.appliance.time_zones import all_time_zones, canonical_name
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.contract.models import system as models
from kyanite.contract.models.shared import AzureEnvironment
from kyanite.http.answers import Answered
from kyanite.http.audit import note
from kyanite.http.exports import attachment
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession

COPYRIGHT: Final = "Copyright the Kyanite authors. Licensed under AGPL-3.0-or-later."
# Logs are kept for some months; more days than a year are a slip of the finger.
MOST_DAYS: Final = 366

routes = Routes()
Facts = Annotated[ApplianceFacts, Provided(ApplianceFacts)]
Now = Annotated[Clock, Provided(Clock)]


@routes.operation("System_ServiceIsUp")
def service_is_up(health: Annotated[Health, Provided(Health)]) -> Response:
    """200 without a body when all services work, else 503."""
    return Response(status_code=200 if health.is_up() else 503)


@routes.operation("System_GetSystemStatus")
def status(health: Annotated[Health, Provided(Health)], clock: Now) -> models.SystemStatus:
    """Whether it works. An upgrade happens before the API answers, so it is never seen here."""
    state = models.SystemState.READY if health.is_up() else models.SystemState.UNKNOWN
    return models.SystemStatus(state=state, server_time=clock.now())


@routes.operation("System_GetAbout")
def about(facts: Facts, db: DbSession) -> models.SystemInfo:
    """What runs here. The data mover and file recovery are parts of the one product."""
    return models.SystemInfo(
        server_version=facts.version,
        worker_version=facts.version,
        flr_version=facts.version,
        database_id=UUID(installation_id(db)),
        copyright=COPYRIGHT,
        deployment_subscription_id=facts.subscription_id,
    )


@routes.operation("System_GetServerInfo")
def server_info(facts: Facts) -> models.ServerInfo:
    """Where it runs."""
    return models.ServerInfo(
        subscription_id=UUID(facts.subscription_id),
        server_name=facts.server_name,
        azure_region=facts.region or None,
        azure_region_name=facts.region or None,
        azure_vm_id=facts.resource_id or None,
        resource_group=facts.resource_group or None,
        azure_environment=AzureEnvironment(facts.cloud),
        virtual_machine_unique_id=facts.machine_id or None,
        disabled_sections=models.DisabledSections(configuration_snapshot_based=True),
    )


@routes.operation("System_GetServerDateTimeInfo")
def server_time(db: DbSession, clock: Now) -> models.DateTimeInfo:
    """The time, and the time zone that schedules follow."""
    return models.DateTimeInfo(utc_date_time=clock.now(), time_zone=time_zone(db))


@routes.operation("System_GetTimezones")
def list_time_zones(clock: Now) -> list[models.Timezone]:
    """Every time zone that the appliance may be set to."""
    return [
        models.Timezone(id=zone.id, display_name=zone.display_name)
        for zone in all_time_zones(clock.now())
    ]


@routes.operation("System_SetTimezone")
def change_time_zone(
    body: models.TimezoneFromClient, db: DbSession, clock: Now, request: Request
) -> None:
    """Schedules, retention and reports follow the new zone from now on."""
    name = canonical_name(body.timezone_id or "")
    if name is None:
        raise Invalid.member(
            "timezoneId", "The IANA name of a time zone is expected, such as Europe/Vienna."
        )
    running = count_active(db)
    set_time_zone(db, name, clock)
    note(request, f"{name}; {running} sessions were running" if running else name)


@routes.operation("System_ExportLogs")
def export_logs(
    query: Annotated[models.ExportLogsQuery, Query()],
    db: DbSession,
    clock: Now,
    facts: Facts,
    folder: Annotated[LogFolder, Provided(LogFolder)],
) -> Response | Answered:
    """Logs and sessions of some days as a ZIP; 204 when there are none."""
    archive = write_archive(db, folder, facts, _window(query, clock.now()))
    if archive is None:
        return Answered(204)
    return attachment("logs", "zip", parts_of(archive))


def _window(query: models.ExportLogsQuery, now: datetime) -> Window:
    """What was asked for. Raises Invalid when its other half is missing or it ends too early."""
    if query.export_logs_type is models.ExportLogsType.LAST_DAYS:
        if query.days is None or not 1 <= query.days <= MOST_DAYS:
            raise Invalid.member("Days", f"A number of days from 1 to {MOST_DAYS} is expected.")
        return Window(now - timedelta(days=query.days), now)
    wanted = {"FromDateUtc": query.from_date_utc, "ToDateUtc": query.to_date_utc}
    missing = {name: ["A date is expected."] for name, value in wanted.items() if value is None}
    if query.from_date_utc is None or query.to_date_utc is None:
        raise Invalid("Both dates are expected.", missing)
    since, until = _utc(query.from_date_utc), _utc(query.to_date_utc)
    if since > until:
        raise Invalid.member("FromDateUtc", "It must not be later than ToDateUtc.")
    return Window(since, until)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@routes.operation("System_GetSupportInfo")
def support_info(
    contact: Annotated[SupportContact, Provided(SupportContact)], db: DbSession
) -> models.SupportInfo:
    """What to tell those who help."""
    return models.SupportInfo(
        azure_tenant_id=contact.tenant_of(db), support_code=support_code(installation_id(db))
    )


@routes.operation("System_GetUpdaterLink")
def updater_link(contact: Annotated[SupportContact, Provided(SupportContact)]) -> Answered:
    """Where new versions are; the appliance does not update itself."""
    return Answered(200, contact.updates_url)


@routes.operation("System_PrivateDeployment_State")
def private_deployment(db: DbSession) -> models.PrivateDeploymentState:
    """The mode that holds, and how the last change of it went."""
    state = deployment_state(db)
    return models.PrivateDeploymentState(
        message_service=models.MessageService.QUEUE_STORAGE,
        private_deployment_enabled=state.mode.enabled,
        private_dns_zone_setting=models.PrivateDnsSetting(state.mode.dns),
        private_dns_zone_resource_group_id=state.mode.dns_group_id,
        auto_create_service_endpoints=state.mode.create_service_endpoints,
        storage_account_public_access=models.StorageAccountPublicAccess(state.mode.public_access),
        is_updating=state.is_updating,
        error=state.error,
    )


@routes.operation("System_PrivateDeployment_Set")
def change_private_deployment(
    body: models.SetDeploymentModeRequest,
    deployment: Annotated[Deployment, Provided(Deployment)],
) -> None:
    """Examine the wanted mode and take it over; ask for the state to learn how it went."""
    deployment.change(
        DeploymentMode(
            enabled=body.private_deployment_enabled,
            dns=body.private_dns_zone_setting or models.PrivateDnsSetting.DISABLED,
            dns_group_id=body.private_dns_zone_resource_group_id,
            create_service_endpoints=body.auto_create_service_endpoints,
            public_access=body.storage_account_public_access
            or models.StorageAccountPublicAccess.DO_NOT_MODIFY,
        )
    )
