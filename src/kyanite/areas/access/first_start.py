"""The first administrator, from the environment, at the first start only."""

from __future__ import annotations

import logging

from kyanite.areas.access import user_queries, users
from kyanite.areas.access.passwords import Passwords
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.db.database import Database
from kyanite.http.audit import HOST, AuditEvent, AuditTrail
from kyanite.rules.passwords import weakness
from kyanite.rules.roles import Role

_log = logging.getLogger(__name__)


def ensure_administrator(
    database: Database,
    passwords: Passwords,
    clock: Clock,
    audit: AuditTrail,
    username: str,
    password: str,
) -> None:
    """Make the first administrator unless there is a user already.

    A weak password is taken with a warning in the log: who starts the appliance has chosen it,
    and nothing else of it would work. Raises Invalid when name or password are missing.
    """
    with database.reading() as db:
        if user_queries.any_user(db):
            return
    if not username or not password:
        raise Invalid(
            "This is the first start: set KYANITE_ADMIN_USERNAME and KYANITE_ADMIN_PASSWORD "
            "to make the first administrator."
        )
    wrong = weakness(password, [username])
    if wrong is not None:
        _log.warning("the password of the first administrator is weak: %s", wrong)
    with database.writing() as db:
        if not user_queries.any_user(db):
            new = users.NewUser(username, Role.PORTAL_ADMIN, password, "First administrator")
            user_id = users.create(db, new, passwords, clock, is_default=True).id
            audit.append(db, AuditEvent(HOST, "FirstStart", user_id, 201, username))
