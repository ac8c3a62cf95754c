"""The audit log, looked at on the host of the appliance, without its API."""

from __future__ import annotations

from kyanite.areas.audit.anchor import FILE_NAME, Anchor
from kyanite.areas.audit.chain import Head
from kyanite.areas.audit.log import AuditLog
from kyanite.areas.audit.verification import Verified, verify
from kyanite.base.clock import Clock
from kyanite.base.settings import Settings
from kyanite.db.database import Database
from kyanite.db.master_key import open_secret_box
from kyanite.db.secrets import SecretBox
from kyanite.server.wiring import MASTER_KEY_FILE, open_database


def secrets_of(settings: Settings, database: Database) -> SecretBox:
    """The box of an appliance's folder. Raises WrongKey when its key is not the database's."""
    return open_secret_box(database, settings.data_dir / MASTER_KEY_FILE, settings.master_key)


def audit_log_of(settings: Settings, secrets: SecretBox, clock: Clock) -> AuditLog:
    """The log of an appliance's folder, to be appended to."""
    return AuditLog(secrets, clock, Anchor(settings.data_dir / FILE_NAME))


def verify_log(settings: Settings, expected: Head | None = None) -> Verified:
    """Read the whole log. Raises Damaged, which says what is wrong with it."""
    database = open_database(settings, must_exist=True)
    try:
        secrets = secrets_of(settings, database)
        anchor = Anchor(settings.data_dir / FILE_NAME)
        return verify(database, secrets, anchor, expected)
    finally:
        database.dispose()
