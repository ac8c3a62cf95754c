"""Everything put together: the one place that knows all parts of the appliance.

`wire` makes the parts of a process; `Appliance.start` and `.stop` run them in the right order.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from kyanite.areas.access.first_start import ensure_administrator
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.tokens import Lifetimes, Tokens
from kyanite.areas.appliance.facts import read_facts
from kyanite.areas.appliance.health import Health
from kyanite.areas.appliance.settings import ensure_installation_id
from kyanite.base.clock import Clock, SystemClock
from kyanite.base.settings import Settings
from kyanite.db.database import Database, sqlite_url
from kyanite.db.schema import create_schema
from kyanite.db.secrets import SecretBox, master_key_from_file, master_key_from_text
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.queue import prepare_queue
from kyanite.durable.runtime import Runtime
from kyanite.http.operations import Operations
from kyanite.http.provide import Provisions
from kyanite.http.rate_limits import AttemptLimit, GrowingDelay
from kyanite.http.sign_in import TokenReader

# Modules that declare tables: the schema is complete once all of them are imported.
TABLES = (
    "kyanite.areas.access.tables",
    "kyanite.areas.appliance.tables",
    "kyanite.http.tables",
)


@dataclass
class Appliance:
    """The running parts of one process."""

    settings: Settings
    database: Database
    provisions: Provisions
    runtime: Runtime
    operations: Operations
    _working: bool = False

    def start(self) -> None:
        """Begin to carry out jobs."""
        self.runtime.start()
        self._working = True

    def is_working(self) -> bool:
        """Whether jobs are being carried out."""
        return self._working

    def stop(self) -> None:
        """Finish what requests have begun, hand unfinished jobs over, close the database."""
        self._working = False
        self.operations.close()
        self.runtime.stop()
        self.database.dispose()


def open_database(settings: Settings) -> Database:
    """The database of the settings, its schema up to date."""
    url = settings.database_url or sqlite_url(settings.data_dir / "kyanite.db")
    database = Database(url)
    for module in TABLES:
        import_module(module)
    create_schema(database)
    prepare_queue(database)
    return database


def secret_box(settings: Settings) -> SecretBox:
    """What seals secrets in the database; its key is not in there."""
    if settings.master_key:
        return SecretBox(master_key_from_text(settings.master_key))
    return SecretBox(master_key_from_file(settings.data_dir / "master.key"))


def prepare_folder(folder: Path) -> None:
    """Make the data folder, for its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def wire(settings: Settings, clock: Clock | None = None) -> Appliance:
    """Make the parts of a process; nothing runs yet."""
    clock = clock or SystemClock()
    prepare_folder(settings.data_dir)
    database = open_database(settings)
    passwords = Passwords()
    with database.writing() as db:
        ensure_installation_id(db, clock)
    ensure_administrator(
        database, passwords, clock, settings.admin_username, settings.admin_password
    )
    tokens = Tokens(
        database,
        passwords,
        clock,
        Lifetimes(short_refresh_seconds=settings.short_refresh_seconds),
    )
    operations = Operations(database, clock)
    registry = JobRegistry()
    provisions = Provisions()
    runtime = Runtime(database, registry, provided=provisions.all(), clock=clock)
    appliance = Appliance(settings, database, provisions, runtime, operations)
    provisions.add(settings)
    provisions.add(database)
    provisions.add(clock, Clock)
    provisions.add(secret_box(settings))
    provisions.add(passwords)
    provisions.add(tokens)
    provisions.add(TokenReader(tokens.principal))
    provisions.add(operations)
    provisions.add(GrowingDelay(clock))
    provisions.add(AttemptLimit(clock))
    provisions.add(read_facts())
    provisions.add(Health(database, appliance.is_working))
    return appliance
