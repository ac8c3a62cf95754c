"""The application in the test's own process, over a database of its own.

`ApiUnderTest` is the whole HTTP side without workers: routes, sign-in, unit of work. A test
adds what its routes need with `provisions.add(...)`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from kyanite.areas.access import users
from kyanite.areas.access.first_start import ensure_administrator
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.sign_ins import SignIns
from kyanite.areas.access.tokens import TokenPair
from kyanite.areas.access.wiring import provide_access
from kyanite.areas.appliance.facts import facts_elsewhere
from kyanite.areas.appliance.health import Health
from kyanite.areas.appliance.settings import ensure_installation_id
from kyanite.areas.audit.log import AuditLog
from kyanite.base.clock import Clock, ManualClock
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.http.audit import AuditTrail
from kyanite.http.operations import Operations
from kyanite.http.provide import Provisions
from kyanite.http.rate_limits import AttemptLimit
from kyanite.http.rights import Role
from kyanite.http.routes import Routes
from kyanite.server.app import build

START = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
ADMIN, PASSWORD = "backupadmin", "S3cure-Passw0rd"
# As safe as a hash in a test has to be, and a thousand times faster.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class ApiUnderTest:
    """One application. `client` sends no token, `signed_in(role)` gives headers with one."""

    def __init__(
        self,
        database: Database,
        routers: Iterable[Routes] | None = None,
        *,
        operation_wait_seconds: float = 5.0,
    ) -> None:
        self.database = database
        self.clock = ManualClock(START)
        self.passwords = Passwords(CHEAP)
        self.secrets = SecretBox(bytes(32))
        self.audit = AuditLog(self.secrets, self.clock)
        with database.writing() as db:
            ensure_installation_id(db, self.clock)
        ensure_administrator(database, self.passwords, self.clock, self.audit, ADMIN, PASSWORD)
        self.operations = Operations(database, self.clock, wait_seconds=operation_wait_seconds)
        self.provisions = Provisions()
        self.provisions.add(database)
        self.provisions.add(self.clock, Clock)
        provide_access(
            self.provisions, database, self.secrets, self.clock, self.audit, self.passwords
        )
        self.provisions.add(self.operations)
        self.provisions.add(AttemptLimit(self.clock))
        self.provisions.add(self.secrets)
        self.provisions.add(self.audit, AuditTrail)
        self.provisions.add(facts_elsewhere())
        self.provisions.add(Health(database, lambda: True))
        self.app = build(self.provisions, routers)
        self.client = TestClient(
            self.app, base_url="https://appliance.example.org", raise_server_exceptions=False
        )
        self._headers: dict[Role, dict[str, str]] = {}

    def signed_in(self, role: Role = Role.PORTAL_ADMIN) -> dict[str, str]:
        """Headers of a user of that role; the user is made when first asked for."""
        if role not in self._headers:
            name = ADMIN
            if role is not Role.PORTAL_ADMIN:
                name = f"user-{role.value}"
                with self.database.writing() as db:
                    new = users.NewUser(name, role, PASSWORD)
                    users.create(db, new, self.passwords, self.clock)
            pair = self.provisions.get(SignIns).with_password(name, PASSWORD)
            assert isinstance(pair, TokenPair)
            self._headers[role] = {"Authorization": f"Bearer {pair.access}"}
        return self._headers[role]

    def close(self) -> None:
        """Stop what runs; the database stays open."""
        self.operations.close()
