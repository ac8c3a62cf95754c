"""Tag Email, our own: settings of notifications, and a test message."""

from __future__ import annotations

import re
import ssl
from typing import Annotated, Final

from pydantic import Field

from kyanite.areas.notifications.mail import send
from kyanite.areas.notifications.settings import (
    DEFAULT_SUBJECT,
    EmailSettings,
    keep_settings,
    read_settings,
)
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.contract.models import shared
from kyanite.contract.operation import Answer, Body, Operation
from kyanite.contract.wire_model import WireModel
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.http.provide import Provided
from kyanite.http.rights import Right
from kyanite.http.routes import OWN_PREFIX, Routes
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.notifications import split_addresses

routes = Routes()
Secrets = Annotated[SecretBox, Provided(SecretBox)]
_ADDRESS = re.compile(r"^[^\s@<>,;\"]+@[^\s@<>,;\"]+$")
_HOST = re.compile(r"^[A-Za-z0-9._:-]{1,255}$")
_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")


class EmailSettingsModel(WireModel):
    """The settings. `password` is never shown; absent or null it stays as it is."""

    is_enabled: Annotated[bool, Field(alias="isEnabled")] = False
    server_host: Annotated[str, Field(alias="serverHost")] = ""
    server_port: Annotated[int, Field(alias="serverPort", ge=1, le=65535)] = 25
    use_secure_connection: Annotated[bool, Field(alias="useSecureConnection")] = False
    ca_certificate_pem: Annotated[str | None, Field(alias="caCertificatePem")] = None
    timeout_ms: Annotated[int, Field(alias="timeoutMs", ge=1000, le=600_000)] = 100_000
    username: str | None = None
    password: str | None = None
    sender: Annotated[str, Field(alias="from")] = ""
    recipients: Annotated[str, Field(alias="to")] = ""
    subject: Annotated[str, Field(min_length=1, max_length=255)] = DEFAULT_SUBJECT
    notify_on_success: Annotated[bool, Field(alias="notifyOnSuccess")] = True
    notify_on_warning: Annotated[bool, Field(alias="notifyOnWarning")] = True
    notify_on_failure: Annotated[bool, Field(alias="notifyOnFailure")] = True
    daily_report_enabled: Annotated[bool, Field(alias="dailyReportEnabled")] = False
    daily_report_time: Annotated[str, Field(alias="dailyReportTime")] = "09:00"


_PATH: Final = f"{OWN_PREFIX}settings/email"
_PROBLEMS: Final = (
    Answer(400, "application/problem+json", shared.ProblemDetails400),
    Answer(401, "application/problem+json", shared.ProblemDetails401),
    Answer(403, "application/problem+json", shared.ProblemDetails403),
)
_SHOWN: Final = Answer(200, "application/json", EmailSettingsModel)
_BODY: Final = Body("application/json", EmailSettingsModel)
GET: Final = Operation("Email_GetSettings", "GET", _PATH, "Email", (_SHOWN, *_PROBLEMS))
PUT: Final = Operation("Email_PutSettings", "PUT", _PATH, "Email", (_SHOWN, *_PROBLEMS), body=_BODY)
TEST: Final = Operation(
    "Email_SendTest",
    "POST",
    f"{_PATH}/test",
    "Email",
    (Answer(204, "", None), *_PROBLEMS),
    body=_BODY,
)


@routes.own(GET, Right.SETTINGS)
def get_settings(db: DbSession, secrets: Secrets) -> EmailSettingsModel:
    """How mail is sent, and about what."""
    return _wire(read_settings(db, secrets))


@routes.own(PUT, Right.SETTINGS)
def put_settings(
    body: EmailSettingsModel,
    db: DbSession,
    secrets: Secrets,
    clock: Annotated[Clock, Provided(Clock)],
) -> EmailSettingsModel:
    """Replace the settings."""
    new = _settings(body, read_settings(db, secrets))
    keep_settings(db, secrets, new, clock)
    return _wire(new)


@routes.own(TEST, Right.SETTINGS)
def send_test(
    body: EmailSettingsModel,
    database: Annotated[Database, Provided(Database)],
    secrets: Secrets,
) -> None:
    """Send a message with these settings and keep nothing; 400 says why it was not taken."""
    with database.reading() as db:
        known = read_settings(db, secrets)
    settings = _settings(body.model_copy(update={"is_enabled": True}), known)
    send(settings, settings.recipients, "Test message", "Kyanite can send e-mail.\n")


def _settings(body: EmailSettingsModel, known: EmailSettings) -> EmailSettings:
    """What was asked for. Raises Invalid for what could not work."""
    errors: dict[str, list[str]] = {}

    def require(holds: bool, member: str, sentence: str) -> None:
        if not holds:
            errors.setdefault(member, []).append(sentence)

    recipients = split_addresses(body.recipients)
    host, sender = body.server_host.strip(), body.sender.strip()
    if body.is_enabled:
        require(bool(_HOST.match(host)), "serverHost", "The name of a mail server is expected.")
        require(bool(_ADDRESS.match(sender)), "from", "An e-mail address is expected.")
        require(bool(recipients), "to", "At least one e-mail address is expected.")
    require(
        all(map(_ADDRESS.match, recipients)), "to", "E-mail addresses separated by ; are expected."
    )
    require(bool(_TIME.match(body.daily_report_time)), "dailyReportTime", "hh:mm is expected.")
    require(_is_certificate(body.ca_certificate_pem), "caCertificatePem", "It is no certificate.")
    username = (body.username or "").strip()
    # A password must go nowhere but where it was meant for, and not in the clear.
    same_server = (host, username) == (known.host, known.username)
    password = body.password or (known.password if same_server else "")
    if username:
        require(bool(password), "password", "The password of the user is required.")
        require(
            body.use_secure_connection,
            "useSecureConnection",
            "A password is sent over a secure connection only.",
        )
    if errors:
        raise Invalid("The settings have wrong or missing values.", errors)
    return EmailSettings(
        enabled=body.is_enabled,
        host=host,
        port=body.server_port,
        secure=body.use_secure_connection,
        ca_pem=body.ca_certificate_pem or "",
        timeout_ms=body.timeout_ms,
        username=username,
        password=password if username else "",
        sender=sender,
        recipients=tuple(recipients),
        subject=body.subject,
        on_success=body.notify_on_success,
        on_warning=body.notify_on_warning,
        on_failure=body.notify_on_failure,
        daily_report=body.daily_report_enabled,
        daily_report_time=body.daily_report_time,
    )


def _is_certificate(pem: str | None) -> bool:
    if not pem:
        return True
    try:
        ssl.create_default_context().load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _wire(settings: EmailSettings) -> EmailSettingsModel:
    return EmailSettingsModel(
        is_enabled=settings.enabled,
        server_host=settings.host,
        server_port=settings.port,
        use_secure_connection=settings.secure,
        ca_certificate_pem=settings.ca_pem or None,
        timeout_ms=settings.timeout_ms,
        username=settings.username or None,
        password=None,
        sender=settings.sender,
        recipients=";".join(settings.recipients),
        subject=settings.subject,
        notify_on_success=settings.on_success,
        notify_on_warning=settings.on_warning,
        notify_on_failure=settings.on_failure,
        daily_report_enabled=settings.daily_report,
        daily_report_time=settings.daily_report_time,
    )
