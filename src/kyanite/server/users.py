"""Local accounts made on the host of the appliance, without its API."""

from __future__ import annotations

from kyanite.areas.access import users
from kyanite.areas.access.passwords import Passwords
from kyanite.base.clock import SystemClock
from kyanite.base.errors import Invalid
from kyanite.base.settings import Settings
from kyanite.server.wiring import open_database


def add_user(settings: Settings, name: str, password: str, role: str) -> str:
    """Add a local user; returns its id. Raises Invalid for a bad name, password or role."""
    assignable = {one.value.lower(): one for one in users.ASSIGNABLE}
    chosen = assignable.get(role.lower())
    if chosen is None:
        names = ", ".join(sorted(one.value for one in users.ASSIGNABLE))
        raise Invalid(f"There is no role {role}; choose one of {names}.")
    database = open_database(settings, must_exist=True)
    try:
        with database.writing() as db:
            new = users.NewUser(name, chosen, password)
            return users.create(db, new, Passwords(), SystemClock()).id
    finally:
        database.dispose()
