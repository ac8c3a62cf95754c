"""How mail is sent, and about what; kept in the database, the password sealed."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.appliance.settings import read_group, write_group
from kyanite.base.clock import Clock
from kyanite.base.json_types import JsonObject, as_int, as_object, as_text, as_texts
from kyanite.db.secrets import SecretBox

GROUP: Final = "email"
DEFAULT_SUBJECT: Final = "[%JobResult%] %JobName% (%ObjectCount% instances) %Issues%"


@dataclass(frozen=True)
class EmailSettings:
    """The settings; defaults are those of a new appliance.

    ``secure``: STARTTLS, or TLS from the beginning at port 465; without it a server that wants
    a password is not given one. ``ca_pem``: an authority to be trusted besides the system's.
    """

    enabled: bool = False
    host: str = ""
    port: int = 25
    secure: bool = False
    ca_pem: str = ""
    timeout_ms: int = 100_000
    username: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    recipients: tuple[str, ...] = ()
    subject: str = DEFAULT_SUBJECT
    on_success: bool = True
    on_warning: bool = True
    on_failure: bool = True
    daily_report: bool = False
    daily_report_time: str = "09:00"

    @property
    def told_results(self) -> frozenset[str]:
        """The results that the recipients are told of."""
        asked = {"Success": self.on_success, "Warning": self.on_warning, "Error": self.on_failure}
        return frozenset(result for result, wanted in asked.items() if wanted)


def read_settings(db: Session, secrets: SecretBox) -> EmailSettings:
    """The settings with their password."""
    kept = read_group(db, GROUP)
    if kept is None:
        return EmailSettings()
    sealed = as_text(kept.get("password"))
    password = secrets.open_text(base64.b64decode(sealed), row_id=GROUP) if sealed else ""
    return EmailSettings(
        enabled=kept["enabled"] is True,
        host=as_text(kept["host"]),
        port=as_int(kept["port"]),
        secure=kept["secure"] is True,
        ca_pem=as_text(kept["ca_pem"]),
        timeout_ms=as_int(kept["timeout_ms"]),
        username=as_text(kept["username"]),
        password=password,
        sender=as_text(kept["sender"]),
        recipients=as_texts(kept["recipients"]),
        subject=as_text(kept["subject"]),
        on_success=kept["on_success"] is True,
        on_warning=kept["on_warning"] is True,
        on_failure=kept["on_failure"] is True,
        daily_report=kept["daily_report"] is True,
        daily_report_time=as_text(kept["daily_report_time"]),
    )


def keep_settings(db: Session, secrets: SecretBox, new: EmailSettings, clock: Clock) -> None:
    """Replace the settings."""
    sealed = (
        base64.b64encode(secrets.seal_text(new.password, row_id=GROUP)).decode()
        if new.password
        else ""
    )
    kept: JsonObject = as_object(asdict(replace(new, password=sealed)))
    write_group(db, GROUP, {**kept, "recipients": list(new.recipients)}, clock)
