"""Tag RetentionSettings: docs/behaviour/appliance.md, section 4."""

from __future__ import annotations

from typing import Annotated

from starlette.requests import Request

from kyanite.areas.appliance.retention_settings import (
    RetentionAges,
    retention_ages,
    set_retention_ages,
)
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.retention_settings import RetentionSetting, RetentionSettings
from kyanite.http.links import self_link
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.retention import Age, AgeUnit

routes = Routes()


@routes.operation("RetentionSettings_Get")
def get_settings(db: DbSession, request: Request) -> JsonObject:
    """How long sessions and obsolete snapshots are kept."""
    return _wire(request, retention_ages(db))


@routes.operation("RetentionSettings_Update")
def update_settings(
    body: RetentionSettings,
    db: DbSession,
    clock: Annotated[Clock, Provided(Clock)],
    request: Request,
) -> JsonObject:
    """Replace both settings."""
    errors: dict[str, list[str]] = {}
    ages = RetentionAges(
        _age("sessionsSettings", body.sessions_settings, errors),
        _age("obsoleteSnapshotsSettings", body.obsolete_snapshots_settings, errors),
    )
    if errors:
        raise Invalid("The retention is incomplete.", errors)
    set_retention_ages(db, ages, clock)
    return _wire(request, ages)


def _age(member: str, setting: RetentionSetting, errors: dict[str, list[str]]) -> Age | None:
    """None for what is kept for ever, whatever else was sent with it."""
    if setting.keep_forever:
        return None
    if setting.duration is None:
        errors[f"{member}.duration"] = ["Say for how long, or keep for ever."]
    if setting.type is None:
        errors[f"{member}.type"] = ["Say whether days, months or years are meant."]
    if setting.duration is None or setting.type is None:
        return None
    return Age(setting.duration, AgeUnit(setting.type.value))


def _wire(request: Request, ages: RetentionAges) -> JsonObject:
    return {
        "sessionsSettings": _setting(ages.sessions),
        "obsoleteSnapshotsSettings": _setting(ages.obsolete_snapshots),
        "_links": self_link(request, "/settings/retention"),
    }


def _setting(age: Age | None) -> JsonObject:
    return {
        "duration": age.count if age else None,
        "type": age.unit.value if age else None,
        "keepForever": age is None,
    }
