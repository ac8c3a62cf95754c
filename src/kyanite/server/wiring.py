"""Everything put together: the one place that knows all parts of the appliance.

`wire` makes the parts of a process; `Appliance.start` and `.stop` run them in the right order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kyanite.areas.access.first_start import ensure_administrator
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.tokens import Lifetimes
from kyanite.areas.access.wiring import provide_access
from kyanite.areas.appliance import errands
from kyanite.areas.appliance.errands import Errands
from kyanite.areas.appliance.facts import read_facts
from kyanite.areas.appliance.health import Health
from kyanite.areas.appliance.log_files import FOLDER_NAME, LogFolder
from kyanite.areas.appliance.session_records import EVERY, SessionRecords
from kyanite.areas.appliance.settings import ensure_installation_id
from kyanite.areas.appliance.web_certificate import WebCertificate
from kyanite.areas.audit.anchor import FILE_NAME as AUDIT_HEAD_FILE
from kyanite.areas.audit.anchor import Anchor
from kyanite.areas.audit.log import AuditLog
from kyanite.areas.notifications import notifier
from kyanite.areas.notifications.notifier import Notifier
from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import Invalid
from kyanite.base.private_files import require_own_folder
from kyanite.base.settings import Settings
from kyanite.db.database import Database, sqlite_url
from kyanite.db.master_key import open_secret_box
from kyanite.db.migrate import upgrade
from kyanite.durable.chores import Chore
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.queue import prepare_queue
from kyanite.durable.runtime import Runtime
from kyanite.engine.index_cache import keep_caches_in
from kyanite.http.audit import AuditTrail
from kyanite.http.operations import Operations
from kyanite.http.provide import Provisions
from kyanite.server.areas import ALL_MEASURES, Ground, add_areas
from kyanite.server.host_folder import remember_folder, remembered_folder
from kyanite.server.live_certificate import LiveCertificate
from kyanite.server.metrics import Metrics, ensure_token

MASTER_KEY_FILE = "master.key"
DATABASE_FILE = "kyanite.db"
CACHE_FOLDER = "cache"


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


def open_database(settings: Settings, *, must_exist: bool = False) -> Database:
    """The database of the settings, its schema up to date.

    `must_exist`: Invalid when there is none yet, which only an appliance may make.
    """
    file = settings.data_dir / DATABASE_FILE
    if must_exist and not settings.database_url and not file.exists():
        raise Invalid(
            f"There is no appliance in {settings.data_dir} to work for: name its folder with "
            "--data, or its database with KYANITE_DATABASE_URL."
        )
    url = settings.database_url or sqlite_url(file)
    database = Database(url)
    upgrade(database)
    prepare_queue(database)
    return database


def folder_for_worker(database_url: str) -> Path:
    """The folder of the appliance on this host, for a worker that was told none.

    Invalid when there is no database to ask, or it knows of no appliance on this host.
    """
    if not database_url:
        raise Invalid("Name the folder of the appliance with --data, or set KYANITE_DATABASE_URL.")
    database = Database(database_url)
    try:
        upgrade(database)
        with database.reading() as db:
            folder = remembered_folder(db)
    finally:
        database.dispose()
    if folder is None:
        raise Invalid(
            "The database knows of no appliance on this host: name a folder with --data, and set "
            "KYANITE_MASTER_KEY or put a copy of the appliance's master.key in it."
        )
    return folder


def prepare_folder(folder: Path) -> None:
    """Make the data folder, for its owner only. Raises Invalid if others may write into it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_own_folder(folder)


def wire(settings: Settings, *, is_worker: bool = False, clock: Clock | None = None) -> Appliance:
    """Make the parts of a process; nothing runs yet."""
    clock = clock or SystemClock()
    prepare_folder(settings.data_dir)
    keep_caches_in(settings.data_dir / CACHE_FOLDER)
    database = open_database(settings, must_exist=is_worker)
    key_file = settings.data_dir / MASTER_KEY_FILE
    secrets = open_secret_box(database, key_file, settings.master_key)
    audit = AuditLog(secrets, clock, Anchor(settings.data_dir / AUDIT_HEAD_FILE))
    passwords = Passwords()
    with database.writing() as db:
        ensure_installation_id(db, clock)
        if not is_worker:
            remember_folder(db, settings.data_dir, clock)
    if not is_worker:
        name, password = settings.admin_username, settings.admin_password
        ensure_administrator(database, passwords, clock, audit, name, password)
    lifetimes = Lifetimes(short_refresh_seconds=settings.short_refresh_seconds)
    operations = Operations(database, clock)
    registry, provisions, facts = JobRegistry(), Provisions(), read_facts()
    timetable = add_areas(Ground(settings, database, secrets, clock, facts), provisions, registry)
    records = SessionRecords(database, clock)
    runtime = Runtime(
        database,
        registry,
        provided=provisions.all(),
        timetable=timetable,
        clock=clock,
        chores=(
            Chore("records", EVERY, records.tidy),
            Chore("errands", errands.EVERY, provisions.get(Errands).go_on, errands.AFTER),
            Chore("e-mail", notifier.EVERY, Notifier(database, secrets, clock).tell),
        ),
    )
    appliance = Appliance(database, provisions, runtime, operations)
    provisions.add(clock, Clock)
    provisions.add(audit, AuditTrail)
    provide_access(provisions, database, secrets, clock, audit, passwords, lifetimes)
    health = Health(database, appliance.is_working)
    if not is_worker:
        certificate = LiveCertificate(settings.data_dir, settings.host, clock)
        provisions.add(certificate)
        provisions.add(certificate, WebCertificate)
        token = ensure_token(settings.data_dir)
        provisions.add(Metrics(token, facts.version, database, clock, health, ALL_MEASURES))
    for thing in (
        settings,
        database,
        secrets,
        operations,
        facts,
        health,
        LogFolder(settings.data_dir / FOLDER_NAME),
    ):
        provisions.add(thing)
    return appliance
