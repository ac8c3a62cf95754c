"""Local accounts made on the host of the appliance, without its API."""

from __future__ import annotations

from kyanite.areas.access import users
from kyanite.areas.access.passwords import Passwords
from kyanite.base.clock import SystemClock
from kyanite.base.errors import Invalid
from kyanite.base.settings import Settings
from kyanite.http.audit import HOST, AuditEvent
from kyanite.rules.roles import ASSIGNABLE
from kyanite.server.audit_log import audit_log_of, secrets_of
from kyanite.server.wiring import open_database


def add_user(settings: Settings, name: str, password: str, role: str) -> str:
    """Add a local user; returns its id. Raises Invalid for a bad name, password or role."""
    assignable = {one.value.lower(): one for one in ASSIGNABLE}
    chosen = assignable.get(role.lower())
    if chosen is None:
        names = ", ".join(sorted(one.value for one in ASSIGNABLE))
        raise Invalid(f"There is no role {role}; choose one of {names}.")
    database, clock = open_database(settings, must_exist=True), SystemClock()
    try:
        audit = audit_log_of(settings, secrets_of(settings, database), clock)
        with database.writing() as db:
            new = users.NewUser(name, chosen, password)
            user_id = users.create(db, new, Passwords(), clock).id
            audit.append(db, AuditEvent(HOST, "UserAdd", user_id, 201, f"{name}, {chosen.value}"))
            return user_id
    finally:
        database.dispose()
