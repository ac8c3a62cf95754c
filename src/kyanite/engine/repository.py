"""A repository, opened: the holder of all its keys, and the way to everything else.

What needs no data key is in ``engine.maintenance``, making and opening in
``engine.opening``, passwords in ``engine.key_changes``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import (
    Damaged,
    EngineError,
    Interrupted,
    Missing,
    NotFound,
    ObjectMissing,
)
from kyanite.base.late import late_module
from kyanite.base.units import GIB
from kyanite.engine import catalog, opening
from kyanite.engine.control import Control, NoControl
from kyanite.engine.format import PACKS_PREFIX, id_of, point_name, session_name
from kyanite.engine.index import load_index
from kyanite.engine.key_slots import KeyVault, SlotNote
from kyanite.engine.keys import BackupKeys, RepositoryKeys, RestoreKeys, pack_key
from kyanite.engine.maintenance import Maintenance
from kyanite.engine.page_reader import PageReader
from kyanite.engine.password_stretching import Cost
from kyanite.engine.point import Point, RootOf
from kyanite.engine.randomness import draw_session_id
from kyanite.engine.session import SessionTicket, read_registration, register, voided
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.base import Storage

if TYPE_CHECKING:
    from kyanite.engine import key_changes
    from kyanite.engine.cleaning import CleanReport
    from kyanite.engine.cleaning_rules import CleaningRules
    from kyanite.engine.key_changes import NewPassword, SlotInfo
    from kyanite.engine.repack import RepackReport
    from kyanite.engine.repack_rule import Price
else:
    key_changes = late_module("kyanite.engine.key_changes")


class Repository(Maintenance):
    """An open repository. Its ``keys`` and ``master_key`` are secret; its text shows none."""

    def __init__(
        self, storage: Storage, keys: RepositoryKeys, settings: RepositorySettings, clock: Clock
    ) -> None:
        """Use ``create``, ``open`` or ``open_with_master``."""
        super().__init__(storage, keys, settings, clock)
        self._keys = keys

    @property
    def master_key(self) -> bytes:
        """Opens everything. Secret: seal it before it is kept anywhere."""
        return self._keys.master_key

    @property
    def read_keys(self) -> RepositoryKeys:
        """What a reader in this process is given: it opens every pack. Secret."""
        return self._keys

    @property
    def fingerprint(self) -> bytes:
        """The same for the life of the repository, whatever its keys are changed to; not secret.

        Whoever has known it recognises the repository again. Nobody without all its keys can
        make another repository that has it.
        """
        return self._keys.fingerprint

    # Opening

    @classmethod
    def create(
        cls,
        storage: Storage,
        password: str,
        settings: RepositorySettings | None = None,
        clock: Clock | None = None,
        cost: Cost | None = None,
        label: str = "",
    ) -> Repository:
        """Make a new repository with one password slot. Raises ``Conflict`` if there is one."""
        clock = clock or SystemClock()
        note = SlotNote(label, clock.now())
        made = opening.create(storage, password, settings or RepositorySettings(), note, cost)
        return cls(storage, made.keys, made.settings, clock)

    @classmethod
    def create_with_vault(
        cls,
        storage: Storage,
        vault: KeyVault,
        settings: RepositorySettings | None = None,
        clock: Clock | None = None,
        label: str = "",
    ) -> Repository:
        """Make a new repository that a key vault opens. Raises ``Conflict`` if there is one."""
        clock = clock or SystemClock()
        note = SlotNote(label, clock.now())
        made = opening.create(storage, vault, settings or RepositorySettings(), note)
        return cls(storage, made.keys, made.settings, clock)

    @classmethod
    def open(cls, storage: Storage, password: str, clock: Clock | None = None) -> Repository:
        """Open with a password or a printed recovery key.

        Raises ``WrongKey``, ``UnknownFormat``, ``Damaged``, ``Invalid`` for a mistyped key.
        """
        found = opening.open_with_secret(storage, password)
        return cls(storage, found.keys, found.settings, clock or SystemClock())

    @classmethod
    def open_with_master(
        cls, storage: Storage, master_key: bytes, clock: Clock | None = None
    ) -> Repository:
        """Open with the master key itself. Raises ``WrongKey``, ``UnknownFormat``, ``Damaged``."""
        found = opening.open_with_master(storage, master_key)
        return cls(storage, found.keys, found.settings, clock or SystemClock())

    @classmethod
    def open_with_vault(
        cls, storage: Storage, vault: KeyVault, clock: Clock | None = None
    ) -> Repository:
        """Open with a key vault. Raises ``WrongKey``, ``UnknownFormat``, ``Damaged``."""
        found = opening.open_with_vault(storage, vault)
        return cls(storage, found.keys, found.settings, clock or SystemClock())

    # Who may open it

    def check_password(self, password: str) -> bool:
        """Whether any slot opens with ``password``."""
        return key_changes.opens(self.storage, self._keys, password)

    def key_slots(self) -> list[SlotInfo]:
        """Who may open the repository, oldest first."""
        return key_changes.list_slots(self.storage, self._keys)

    def add_password(self, password: str, cost: Cost | None = None, label: str = "") -> str:
        """A further slot; returns its id."""
        new = key_changes.NewPassword(password, label)
        return key_changes.add_password(self.storage, self._keys, new, self._clock.now(), cost)

    def add_vault(self, vault: KeyVault, label: str = "") -> str:
        """A slot that a key vault opens; returns its id."""
        now = self._clock.now()
        return key_changes.add_vault(self.storage, self._keys, vault, label, now)

    def change_password(self, new: str, old: str | None = None, cost: Cost | None = None) -> None:
        """Put a slot for ``new``, then remove those of ``old`` (``None``: all other passwords).

        Raises ``WrongKey`` if no slot opens with ``old``; nothing is changed then.
        """
        key_changes.change_password(
            self.storage, self._keys, key_changes.NewPassword(new), old, self._clock.now(), cost
        )

    def hand_over(self, opener: str | KeyVault, cost: Cost | None = None) -> None:
        """From now on only ``opener``, a password or a vault, opens it; recovery keys stay good.

        May be repeated. Raises ``Conflict`` where slots are locked: rotate the keys there.
        """
        key_changes.hand_over(self.storage, self._keys, opener, self._clock.now(), cost)

    def new_recovery_key(self, label: str = "") -> str:
        """A recovery key to print; those made before open nothing any more."""
        return key_changes.new_recovery_key(self.storage, self._keys, label, self._clock.now())

    def remove_key_slot(self, slot_id: str) -> None:
        """Remove a slot. Raises ``NotFound``; ``Conflict`` for the last one, which stays."""
        key_changes.remove_slot(self.storage, self._keys, slot_id)

    def rotate_keys(
        self,
        passwords: Sequence[NewPassword],
        *,
        recovery: bool = False,
        vaults: Sequence[KeyVault] = (),
        prepared: Callable[[bytes], None] | None = None,
        cost: Cost | None = None,
    ) -> str | None:
        """A new master key, and a new epoch for new data; returns the recovery key, if asked for.

        See ``key_changes.rotate``. What a thief of the old keys may still do stands in
        docs/format/keys.md.
        """
        done = key_changes.rotate(
            self.storage,
            self._keys,
            passwords,
            self._clock.now(),
            recovery=recovery,
            vaults=vaults,
            prepared=prepared,
            cost=cost,
        )
        self._keys = self._structure = done.keys
        return done.recovery_key

    def clean(
        self,
        control: Control | None = None,
        whole: bool = False,
        rules: CleaningRules | None = None,
    ) -> CleanReport:
        """Give back what no point needs, and what key changes left behind."""
        key_changes.settle(self.storage, self._keys)
        return super().clean(control, whole, rules)

    # Points

    def read_point(self, session_id: str) -> Point:
        """One point with its recipe. Raises ``NotFound``, ``Damaged``, ``WrongKey``."""
        id_of(session_id)
        point = None
        if catalog.exists(self.storage, session_name(session_id)):
            try:
                point = catalog.read_point(
                    self.storage,
                    session_id,
                    self._keys.maintenance_key,
                    self.repository_id,
                    self._root_of(),
                )
            except ObjectMissing:
                point = None
        if point is None:
            raise NotFound(f"The repository has no point of session {session_id}.")
        return point

    # Sessions

    def new_session_id(self) -> str:
        """A fresh id for a session: a UUIDv7 of the clock's time."""
        return draw_session_id(self._clock)

    def open_session(
        self,
        session_id: str,
        machine_id: str,
        label: str,
        parent: str | None = None,
        *,
        again: bool = False,
    ) -> SessionTicket:
        """Register a writing session, or find it registered.

        ``again``: it was registered before, as far as the caller knows. It must not be under the
        same id once more if it has been given up and cleaned away since (docs/format/order.md,
        invariant 8): ``PointVoided`` is raised then.

        Raises ``Missing`` if the parent point is gone, ``Conflict`` if the id is taken. One
        that is registered already is found whatever has become of its parent: it may have
        committed before the parent went.
        """
        id_of(session_id)
        if again and not catalog.exists(self.storage, session_name(session_id)):
            raise voided(session_id)
        if parent is not None and not (
            (
                catalog.exists(self.storage, session_name(parent))
                and catalog.exists(self.storage, point_name(parent))
            )
            or catalog.exists(self.storage, session_name(session_id))
        ):
            raise Missing(f"The parent point {parent} is gone; back up in full.")
        ticket = SessionTicket(
            self.repository_id,
            session_id,
            machine_id,
            label,
            parent,
            self._clock.now().isoformat(),
            self.settings,
        )
        found = register(self.storage, ticket, self._keys.maintenance_key)
        return SessionTicket(
            self.repository_id,
            session_id,
            found.machine_id,
            found.label,
            found.parent,
            found.opened_at,
            self.settings,
        )

    # Keys of orders

    def backup_keys(self, ticket: SessionTicket) -> BackupKeys:
        """What the writer of this session is given."""
        session_id = id_of(ticket.session_id)
        return BackupKeys(
            self.repository_id,
            session_id,
            self._keys.id_key,
            self._keys.cut_key,
            self._keys.maintenance_key,
            self._keys.session_root(session_id, self._keys.epoch),
            epoch=self._keys.epoch,
        )

    def restore_keys(
        self, point: Point, disk_ids: Collection[str] | None = None, copies: bool = True
    ) -> RestoreKeys:
        """Keys of exactly the packs that these disks of a point need.

        ``copies`` false: only of those that the point names, which is found out sooner.
        """
        from kyanite.engine.needed_packs import named_packs, packs_with_copies

        keys = self._keys
        index = load_index(self.storage, keys.maintenance_key, self.repository_id)
        reader = PageReader(
            self.storage, index.find_all, keys.maintenance_key, self.repository_id, keys.id_key
        )
        lists = (
            entries
            for disk in point.disks
            if disk_ids is None or disk.disk_id in disk_ids
            for _, entries in reader.spans(disk)
        )
        packs = packs_with_copies(index, lists) if copies else named_packs(index, lists)
        roots = {
            (pack.session_id, epoch): keys.session_root(pack.session_id, epoch)
            for pack, epoch in packs.items()
        }
        return RestoreKeys(
            self.repository_id,
            keys.id_key,
            keys.maintenance_key,
            {
                pack.pack_id: pack_key(roots[pack.session_id, epoch], pack.pack_id)
                for pack, epoch in packs.items()
            },
        )

    # Care

    def repack(
        self,
        price: Price | None = None,
        budget_bytes: int = 16 * GIB,
        control: Control | None = None,
    ) -> RepackReport:
        """Move what is live out of wasteful packs; ``clean`` deletes them then.

        A repack that was interrupted is given up, not resumed. See ``engine.repack``.
        """
        from kyanite.engine.repack import repack
        from kyanite.engine.repack_rule import REPACK_MACHINE, Price

        for session_id in self.open_sessions():
            self._give_up_repack(session_id)
        ticket = self.open_session(self.new_session_id(), REPACK_MACHINE, "repack")
        try:
            return repack(
                self.storage,
                self.backup_keys(ticket),
                self._keys.session_root,
                ticket,
                control or NoControl(),
                price or Price(),
                budget_bytes,
                self.locked_names(PACKS_PREFIX),
            )
        except (EngineError, Interrupted):
            self.abandon_session(ticket.session_id, "the repack failed")
            raise

    def _give_up_repack(self, session_id: str) -> None:
        keys = self._keys
        try:
            found = read_registration(
                self.storage, session_id, keys.maintenance_key, self.repository_id
            )
        except (ObjectMissing, Damaged):
            return
        from kyanite.engine.repack_rule import REPACK_MACHINE

        if found.machine_id == REPACK_MACHINE:
            self.abandon_session(session_id, "a later repack began")

    def _root_of(self) -> RootOf:
        return self._keys.session_root_of
