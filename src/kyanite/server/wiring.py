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
from kyanite.base.errors import Invalid
from kyanite.base.settings import Settings
from kyanite.db.database import Database, sqlite_url
from kyanite.db.schema import create_schema
from kyanite.db.secrets import SecretBox, master_key_from_file, master_key_from_text
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.queue import prepare_queue
from kyanite.durable.runtime import Runtime
from kyanite.http.operations import Operations
from kyanite.http.provide import Provisions
from kyanite.http.rate_limits import GrowingDelay
from kyanite.http.sign_in import TokenReader
from kyanite.server.areas import Ground, add_areas

# Modules that declare tables: the schema is complete once all of them are imported.
TABLES = (
    "kyanite.areas.access.tables",
    "kyanite.areas.accounts.tables",
    "kyanite.areas.appliance.tables",
    "kyanite.areas.inventory.tables",
    "kyanite.areas.repositories.tables",
    "kyanite.areas.vm.tables",
    "kyanite.db.uses",
    "kyanite.durable.job_tables",
    "kyanite.durable.schedule_tables",
    "kyanite.durable.session_tables",
    "kyanite.http.tables",
)
MASTER_KEY_FILE = "master.key"


@dataclass
class Appliance:
    """The parts of one process."""

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
        was_working, self._working = self._working, False
        self.operations.close()
        if was_working:
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


def secret_box(settings: Settings, *, may_make_key: bool) -> SecretBox:
    """What seals secrets in the database; its key is not in there.

    Only the appliance itself makes a key, at its first start. A worker with a key of its own
    could open nothing: Invalid says what to do.
    """
    if settings.master_key:
        return SecretBox(master_key_from_text(settings.master_key))
    file = settings.data_dir / MASTER_KEY_FILE
    if not may_make_key and not file.exists():
        raise Invalid(
            "A worker needs the master key of its appliance: set KYANITE_MASTER_KEY, or give "
            f"--data a folder with the appliance's {MASTER_KEY_FILE}."
        )
    return SecretBox(master_key_from_file(file))


def prepare_folder(folder: Path) -> None:
    """Make the data folder, for its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def wire(settings: Settings, *, is_worker: bool = False, clock: Clock | None = None) -> Appliance:
    """Make the parts of a process; nothing runs yet."""
    clock = clock or SystemClock()
    prepare_folder(settings.data_dir)
    secrets = secret_box(settings, may_make_key=not is_worker)
    database = open_database(settings)
    passwords = Passwords()
    with database.writing() as db:
        ensure_installation_id(db, clock)
    if not is_worker:
        name, password = settings.admin_username, settings.admin_password
        ensure_administrator(database, passwords, clock, name, password)
    lifetimes = Lifetimes(short_refresh_seconds=settings.short_refresh_seconds)
    tokens = Tokens(database, passwords, clock, lifetimes)
    operations = Operations(database, clock)
    registry, provisions, facts = JobRegistry(), Provisions(), read_facts()
    timetable = add_areas(Ground(settings, database, secrets, clock, facts), provisions, registry)
    runtime = Runtime(
        database, registry, provided=provisions.all(), timetable=timetable, clock=clock
    )
    appliance = Appliance(database, provisions, runtime, operations)
    provisions.add(clock, Clock)
    for thing in (
        settings,
        database,
        secrets,
        passwords,
        tokens,
        TokenReader(tokens.principal),
        operations,
        GrowingDelay(clock),
        facts,
        Health(database, appliance.is_working),
    ):
        provisions.add(thing)
    return appliance
