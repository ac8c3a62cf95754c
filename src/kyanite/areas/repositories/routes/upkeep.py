"""Tag Repository upkeep, our own: settings of the nightly upkeep, its results, and a run now."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import Field

from kyanite.areas.repositories.queries import get_repository
from kyanite.areas.repositories.repositories import require_writable
from kyanite.areas.repositories.upkeep import start_upkeep
from kyanite.areas.repositories.upkeep_memory import last_upkeep
from kyanite.areas.repositories.upkeep_settings import (
    UpkeepSettings,
    keep_upkeep_settings,
    upkeep_settings,
)
from kyanite.base.clock import Clock
from kyanite.contract.models import shared
from kyanite.contract.operation import Answer, Body, Operation
from kyanite.contract.wire_model import WireModel
from kyanite.http.provide import Provided
from kyanite.http.rights import Right
from kyanite.http.routes import OWN_PREFIX, Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()


class UpkeepSettingsModel(WireModel):
    """How repositories are looked after at night."""

    is_enabled: Annotated[bool, Field(alias="isEnabled")] = True
    verify_within_days: Annotated[int, Field(alias="verifyWithinDays", ge=1, le=3650)] = 30
    repack_gib_a_night: Annotated[int, Field(alias="repackGibANight", ge=0, le=65_536)] = 16
    verify_mib_per_second: Annotated[
        int | None, Field(alias="verifyMibPerSecond", ge=1, le=65_536)
    ] = None


class UpkeepResultModel(WireModel):
    """What the last night has found; `finishedAt` null: it was never looked after."""

    finished_at: Annotated[datetime | None, Field(alias="finishedAt")] = None
    damaged_objects: Annotated[int, Field(alias="damagedObjects")] = 0
    hurt_restore_points: Annotated[int, Field(alias="hurtRestorePoints")] = 0
    lost_restore_points: Annotated[int, Field(alias="lostRestorePoints")] = 0
    all_read_on: Annotated[date | None, Field(alias="allReadOn")] = None


class UpkeepSessionModel(WireModel):
    """The session that was started."""

    session_id: Annotated[str, Field(alias="sessionId")]


_TAG: Final = "Repository upkeep"
_SETTINGS_PATH: Final = f"{OWN_PREFIX}settings/repositoryUpkeep"
_PATH: Final = f"{OWN_PREFIX}repositories/{{repositoryId}}/upkeep"
_PROBLEMS: Final = (
    Answer(400, "application/problem+json", shared.ProblemDetails400),
    Answer(401, "application/problem+json", shared.ProblemDetails401),
    Answer(403, "application/problem+json", shared.ProblemDetails403),
)
_MISSING: Final = Answer(404, "application/problem+json", shared.ProblemDetails404)
_RUNS: Final = Answer(409, "application/problem+json", shared.ProblemDetails409)
_SHOWN: Final = Answer(200, "application/json", UpkeepSettingsModel)
_RESULT: Final = Answer(200, "application/json", UpkeepResultModel)
_STARTED: Final = Answer(202, "application/json", UpkeepSessionModel)
_BODY: Final = Body("application/json", UpkeepSettingsModel)
GET: Final = Operation(
    "RepositoryUpkeep_GetSettings", "GET", _SETTINGS_PATH, _TAG, (_SHOWN, *_PROBLEMS)
)
PUT: Final = Operation(
    "RepositoryUpkeep_PutSettings", "PUT", _SETTINGS_PATH, _TAG, (_SHOWN, *_PROBLEMS), body=_BODY
)
LAST: Final = Operation("RepositoryUpkeep_Get", "GET", _PATH, _TAG, (_RESULT, *_PROBLEMS, _MISSING))
START: Final = Operation(
    "RepositoryUpkeep_Start", "POST", _PATH, _TAG, (_STARTED, *_PROBLEMS, _MISSING, _RUNS)
)


@routes.own(GET, Right.SETTINGS)
def get_settings(db: DbSession) -> UpkeepSettingsModel:
    """How repositories are looked after."""
    return _wire(upkeep_settings(db))


@routes.own(PUT, Right.SETTINGS)
def put_settings(
    body: UpkeepSettingsModel, db: DbSession, clock: Annotated[Clock, Provided(Clock)]
) -> UpkeepSettingsModel:
    """Replace the settings; they count from the next session on."""
    new = UpkeepSettings(
        body.is_enabled,
        body.verify_within_days,
        body.repack_gib_a_night,
        body.verify_mib_per_second,
    )
    keep_upkeep_settings(db, new, clock)
    return _wire(new)


@routes.own(LAST, Right.INVENTORY_READ)
def get_last(repositoryId: str, db: DbSession) -> UpkeepResultModel:  # noqa: N803
    """What was found when the repository was last looked after."""
    last = last_upkeep(db, get_repository(db, repositoryId).id)
    if last is None:
        return UpkeepResultModel()
    at, result = last
    return UpkeepResultModel(
        finished_at=at,
        damaged_objects=result.damaged_objects,
        hurt_restore_points=result.hurt_points,
        lost_restore_points=result.lost_points,
        all_read_on=result.all_read_on,
    )


@routes.own(START, Right.REPOSITORIES_WRITE)
def start(repositoryId: str, db: DbSession, who: SignedIn) -> UpkeepSessionModel:  # noqa: N803
    """Look after the repository now; 409 while that goes on already."""
    own = get_repository(db, repositoryId)
    require_writable(own)
    return UpkeepSessionModel(session_id=start_upkeep(db, own, who.username))


def _wire(settings: UpkeepSettings) -> UpkeepSettingsModel:
    return UpkeepSettingsModel(
        is_enabled=settings.enabled,
        verify_within_days=settings.verify_days,
        repack_gib_a_night=settings.repack_gib,
        verify_mib_per_second=settings.verify_mib_per_second,
    )
