"""What can be done with the maintenance key alone: look at structure, clean, rebuild.

Each kind of work imports its own modules: a backup, which needs none of them, begins sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import (
    EngineError,
    Invalid,
    Locked,
    NotFound,
    ObjectLocked,
    ObjectMissing,
)
from kyanite.engine import catalog
from kyanite.engine.control import Control, NoControl
from kyanite.engine.format import (
    INDEX_PREFIX,
    KEY_BYTES,
    REPOSITORY_ID_BYTES,
    id_of,
    point_name,
    session_name,
    text_of,
)
from kyanite.engine.index import load_index
from kyanite.engine.index_choice import is_long
from kyanite.engine.keys import MaintenanceKeys, RepositoryKeys
from kyanite.engine.moves import Moves
from kyanite.engine.opening import open_for_maintenance
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point, RootOf
from kyanite.engine.printable_key import MAINTENANCE_PREFIX, print_key, read_key
from kyanite.engine.session import put_void
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.base import Storage, versions_of
from kyanite.engine.threads import parallel_map

if TYPE_CHECKING:
    from kyanite.engine.cleaning import CleanPlan, CleanReport
    from kyanite.engine.cleaning_rules import CleaningRules
    from kyanite.engine.damage_notes import Holes
    from kyanite.engine.differences import DiskDifference
    from kyanite.engine.index_rebuild import RebuildReport
    from kyanite.engine.locks import LockReport
    from kyanite.engine.verify import Level, VerifyReport


class Maintenance:
    """A repository whose structure is open and whose data is not."""

    def __init__(
        self,
        storage: Storage,
        keys: MaintenanceKeys | RepositoryKeys,
        settings: RepositorySettings,
        clock: Clock,
    ) -> None:
        """Use ``open_with_maintenance_key``, or the ways of ``Repository``."""
        self.storage = storage
        self.settings = settings
        self._structure = keys
        self._clock = clock

    @classmethod
    def open_with_maintenance_key(
        cls, storage: Storage, printed: str, clock: Clock | None = None
    ) -> Maintenance:
        """Open with an exported key. Raises ``Invalid`` (mistyped), ``WrongKey``, ``Damaged``."""
        data = read_key(MAINTENANCE_PREFIX, printed, REPOSITORY_ID_BYTES + KEY_BYTES)
        keys = MaintenanceKeys(data[:REPOSITORY_ID_BYTES], data[REPOSITORY_ID_BYTES:])
        settings = open_for_maintenance(storage, keys)
        return Maintenance(storage, keys, settings, clock or SystemClock())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.repository_id.hex()})"

    @property
    def repository_id(self) -> bytes:
        """16 random bytes, drawn at creation."""
        return self._structure.repository_id

    def export_maintenance_key(self) -> str:
        """The maintenance key as text, for ``open_with_maintenance_key``. Secret."""
        key = self._structure.maintenance_key
        return print_key(MAINTENANCE_PREFIX, self.repository_id + key)

    # Points and sessions

    def point_ids(self) -> list[str]:
        """The sessions that have a point, or a void, oldest first: listings only."""
        return catalog.read_catalog(self.storage).announced

    def points(
        self,
        skip_damaged: Callable[[str, EngineError], None] | None = None,
        among: Collection[str] | None = None,
    ) -> list[Point]:
        """All points, or those ``among`` some sessions, oldest first; their recipes stay closed.

        Raises ``Damaged`` if one cannot be read, unless ``skip_damaged`` takes its session
        id and the error.
        """
        points = catalog.read_points(
            self.storage,
            self.point_ids() if among is None else sorted(among),
            self._structure.maintenance_key,
            self.repository_id,
            self._root_of(),
            skip_damaged,
        )
        return sorted(points, key=lambda point: (point.created_at, point.session_id))

    def delete_points(self, session_ids: Iterable[str]) -> None:
        """Delete points; ids without a point are fine, open sessions are left alone.

        ``clean`` gives their space back. Raises ``Locked`` for one that is.
        """
        from kyanite.engine.deletion import delete_point

        keys = (self._structure.maintenance_key, self.repository_id)

        def delete(session_id: str) -> None:
            try:
                delete_point(self.storage, session_id, *keys)
            except ObjectLocked as error:
                raise Locked(
                    f"The point {session_id} is locked and cannot be deleted yet; "
                    "`kyanite repo locks` says until when."
                ) from error

        parallel_map(delete, [text_of(id_of(one)) for one in session_ids])

    def differences(self, before: str, after: str) -> list[DiskDifference]:
        """What differs between the points of two sessions; see ``engine.differences``.

        Raises ``NotFound``, ``Missing``, ``Damaged``.
        """
        from kyanite.engine.differences import differences

        keys = (self._structure.maintenance_key, self.repository_id)
        points: list[Point] = []
        for session_id in (before, after):
            try:
                point = catalog.read_point(self.storage, session_id, *keys)
            except ObjectMissing:
                point = None
            if point is None or not catalog.exists(self.storage, session_name(session_id)):
                raise NotFound(f"The repository has no point of session {session_id}.")
            points.append(point)
        index = load_index(self.storage, *keys)
        return differences(points[0], points[1], PageReader(self.storage, index.find_all, *keys))

    def open_sessions(self) -> list[str]:
        """Sessions that have neither point nor void."""
        return sorted(catalog.read_catalog(self.storage).open)

    def sessions_opened_before(self, moment: datetime) -> list[str]:
        """Open sessions that were registered earlier, by the clock of who did.

        One that cannot be read is left out: whatever it is, cleaning will name it.
        """
        from kyanite.engine.session import read_registration

        keys = (self._structure.maintenance_key, self.repository_id)

        def is_older(session_id: str) -> bool:
            try:
                opened_at = read_registration(self.storage, session_id, *keys).opened_at
                return datetime.fromisoformat(opened_at) < moment
            except (EngineError, ObjectMissing, ValueError, TypeError):
                return False

        found = self.open_sessions()
        older = parallel_map(is_older, found)
        return [one for one, old in zip(found, older, strict=True) if old]

    def abandon_session(self, session_id: str, reason: str = "given up") -> bool:
        """Void a session, so that it can never commit. ``False``: it has committed already."""
        id_of(session_id)
        if not catalog.exists(self.storage, session_name(session_id)):
            return not catalog.exists(self.storage, point_name(session_id))
        return put_void(
            self.storage,
            session_id,
            reason,
            self._clock.now().isoformat(),
            self._structure.maintenance_key,
            self.repository_id,
        )

    # Care

    def verify(self, level: Level, control: Control | None = None, days: int = 30) -> VerifyReport:
        """Look for damage; see ``engine.verify``. Without data keys: what is present only.

        ``days``: of the level ``rolling``.
        """
        from kyanite.engine.verify import Level, Rolling, verify

        if level is not Level.PRESENT and isinstance(self._structure, MaintenanceKeys):
            raise Invalid(
                "The maintenance key opens no data; verify with it at the level 'present', "
                "or use a password."
            )
        today = self._clock.now().date()
        rolling = Rolling(days, today)
        return verify(self.storage, self._structure, level, control or NoControl(), today, rolling)

    def holes(self) -> Holes:
        """What is known not to be restorable, by point and disk (``remember``, repairs)."""
        from kyanite.engine.damage_notes import read_notes

        keys = (self._structure.maintenance_key, self.repository_id)
        return read_notes(self.storage, *keys, skip_damaged=True)[0].holes

    def can_be_parent(self, point: Point) -> bool:
        """Whether an increment may build on a point: it has no holes and its lists can be read.

        Costs two listings; the pages are read only if packs it needs are noted as damaged.
        """
        from kyanite.engine.damage_notes import read_notes

        keys = (self._structure.maintenance_key, self.repository_id)
        note, _ = read_notes(self.storage, *keys, skip_damaged=True)
        if point.session_id in note.holes:
            return False
        unusable = note.unusable
        if not any(number in unusable for number in point.packs()):
            return True
        index = load_index(self.storage, *keys)
        reader = PageReader(self.storage, index.find_all, *keys)
        try:
            for disk in point.disks:
                for _ in reader.spans(disk):
                    pass
        except (EngineError, ObjectMissing):
            return False
        return True

    def remember(self, report: VerifyReport) -> None:
        """Keep what a verification has found: when packs were read, and what is damaged.

        Writers share nothing from packs that are noted as damaged, and the next backup of
        what was in them stores it anew.
        """
        from kyanite.engine.verified import put_verified, read_verified
        from kyanite.engine.verify_notes import note_damage

        keys = (self._structure.maintenance_key, self.repository_id)
        if len(report.read_now):
            read_on, names = read_verified(self.storage, *keys)
            put_verified(self.storage, {**read_on, **report.read_on}, names, *keys)
        note_damage(self.storage, report, *keys)

    def rebuild_index(self, control: Control | None = None) -> RebuildReport:
        """Make the index anew from the packs; see ``engine.index_rebuild``."""
        from kyanite.engine.index_rebuild import rebuild_index

        return rebuild_index(
            self.storage,
            self._structure.maintenance_key,
            self.repository_id,
            control or NoControl(),
        )

    def tidy_index(self) -> bool:
        """Merge segments of the index if there are too many; to be called after backups.

        Needs the right to delete. Asks with one listing; returns whether anything was written.
        """
        storage = self._unlocked(INDEX_PREFIX)
        if not is_long(storage):
            return False
        from kyanite.engine.index_merge import tidy_index

        return tidy_index(storage, self._structure.maintenance_key, self.repository_id)

    def clean(
        self,
        control: Control | None = None,
        whole: bool = False,
        rules: CleaningRules | None = None,
    ) -> CleanReport:
        """Give back what no point needs; see ``engine.cleaning``.

        What is locked stays and is not tried; versions of what was deleted go as well.
        """
        from kyanite.engine.cleaning import clean
        from kyanite.engine.damage_notes import forget_gone
        from kyanite.engine.hidden_versions import UnlockedOnly, remove_hidden_versions

        control, now = control or NoControl(), self._clock.now()
        locked = self.locked_names()
        report = clean(
            UnlockedOnly(self.storage, locked) if locked else self.storage,
            self._structure.maintenance_key,
            self.repository_id,
            control,
            self._clock,
            whole,
            rules,
            locked,
        )
        forget_gone(self.storage, self._structure.maintenance_key, self.repository_id)
        remove_hidden_versions(self.storage, now, control)
        return report

    def plan_cleaning(
        self,
        control: Control | None = None,
        whole: bool = False,
        rules: CleaningRules | None = None,
    ) -> CleanPlan:
        """What ``clean`` would find; writes nothing."""
        from kyanite.engine.cleaning import plan_cleaning

        return plan_cleaning(
            self.storage,
            self._structure.maintenance_key,
            self.repository_id,
            control or NoControl(),
            self._clock,
            whole,
            rules,
            self.locked_names(),
        )

    def lock(
        self,
        until: datetime | None = None,
        session_ids: Collection[str] | None = None,
        control: Control | None = None,
    ) -> LockReport:
        """Lock what the points need until what they carry, and these until ``until``.

        ``session_ids`` ``None``: all points. May be interrupted and repeated. Raises
        ``StorageDenied`` where nothing can be locked; see ``engine.locks``.
        """
        from kyanite.engine.index_merge import tidy_index
        from kyanite.engine.locks import lock_points

        control, now = control or NoControl(), self._clock.now()
        # Locked segments cannot be merged any more, so that is done first.
        storage = self._unlocked(INDEX_PREFIX)
        tidy_index(storage, self._structure.maintenance_key, self.repository_id)
        points, moves = self._closed()
        chosen = {
            point.session_id: until
            for point in points
            if until and (session_ids is None or point.session_id in session_ids)
        }
        return lock_points(self.storage, points, moves, chosen, now, control)

    def locks(self, control: Control | None = None) -> LockReport:
        """What the storage says is locked, against what the points carry."""
        from kyanite.engine.locks import report_locks

        points, moves = self._closed()
        return report_locks(self.storage, points, moves, control or NoControl())

    def _closed(self) -> tuple[list[Point], list[Moves]]:
        """All points, oldest first, and what repacks have moved. Raises ``Damaged``."""

        def read(session_id: str) -> Point | Moves | None:
            try:
                return catalog.read_closed(
                    self.storage, session_id, self._structure.maintenance_key, self.repository_id
                )
            except ObjectMissing:
                return None  # deleted since the listing

        found = parallel_map(read, catalog.read_catalog(self.storage).announced)
        points = [one for one in found if isinstance(one, Point)]
        points.sort(key=lambda point: (point.created_at, point.session_id))
        return points, [one for one in found if isinstance(one, Moves)]

    def locked_names(self, prefix: str = "") -> frozenset[str]:
        """Objects below ``prefix`` that nobody can delete now."""
        if versions_of(self.storage) is None:
            return frozenset()
        from kyanite.engine.hidden_versions import locked_names

        return locked_names(self.storage, prefix, self._clock.now())

    def _unlocked(self, prefix: str) -> Storage:
        """The storage without what is locked below ``prefix``."""
        locked = self.locked_names(prefix)
        if not locked:
            return self.storage
        from kyanite.engine.hidden_versions import UnlockedOnly

        return UnlockedOnly(self.storage, locked)

    def _root_of(self) -> RootOf | None:
        """How recipes are opened, for those who can."""
        return None
