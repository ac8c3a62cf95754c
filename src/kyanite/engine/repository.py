"""A repository, opened: the holder of the master key, and the way to everything else."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable

from kyanite.base.clock import Clock, SystemClock
from kyanite.base.errors import (
    Conflict,
    Damaged,
    EngineError,
    Missing,
    NotFound,
    ObjectExists,
    ObjectMissing,
    UnknownFormat,
    WrongKey,
)
from kyanite.engine import catalog
from kyanite.engine.cleaning import CleanReport, clean
from kyanite.engine.control import Control, NoControl
from kyanite.engine.format import (
    KEY_BYTES,
    KEYS_PREFIX,
    REPOSITORY_ID_BYTES,
    REPOSITORY_NAME,
    id_of,
    point_name,
    session_name,
    text_of,
)
from kyanite.engine.index import load_index
from kyanite.engine.index_rebuild import RebuildReport, rebuild_index
from kyanite.engine.key_slots import MAX_SLOTS, SLOT_BYTES, Cost, make_slot, open_slot, slot_owner
from kyanite.engine.keys import BackupKeys, RepositoryKeys, RestoreKeys, pack_key
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point
from kyanite.engine.session import SessionTicket, put_void, register
from kyanite.engine.settings import (
    MAX_REPOSITORY_BYTES,
    RepositorySettings,
    decode_repository,
    encode_repository,
    repository_id_of,
)
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map, together
from kyanite.engine.verify import Level, VerifyReport, verify


class Repository:
    """An open repository. Its ``keys`` and ``master_key`` are secret; its text shows none."""

    def __init__(
        self, storage: Storage, keys: RepositoryKeys, settings: RepositorySettings, clock: Clock
    ) -> None:
        """Use ``create``, ``open`` or ``open_with_master``."""
        self.storage = storage
        self.settings = settings
        self._keys = keys
        self._clock = clock

    def __repr__(self) -> str:
        return f"Repository({self._keys.repository_id.hex()})"

    @property
    def repository_id(self) -> bytes:
        """16 random bytes, drawn at creation."""
        return self._keys.repository_id

    @property
    def master_key(self) -> bytes:
        """Opens everything. Secret: seal it before it is kept anywhere."""
        return self._keys.master_key

    # Opening

    @classmethod
    def create(
        cls,
        storage: Storage,
        password: str,
        settings: RepositorySettings | None = None,
        clock: Clock | None = None,
        cost: Cost | None = None,
    ) -> Repository:
        """Make a new repository with one password slot. Raises ``Conflict`` if there is one."""
        settings, clock = settings or RepositorySettings(), clock or SystemClock()
        if catalog.exists(storage, REPOSITORY_NAME):
            raise Conflict("There is a repository already; choose another folder.")
        repository_id = os.urandom(REPOSITORY_ID_BYTES)
        keys = RepositoryKeys.from_master(os.urandom(KEY_BYTES), repository_id)
        slot_id, slot = make_slot(password, keys.master_key, repository_id, cost)
        storage.put(f"{KEYS_PREFIX}{slot_id.hex()}", slot)
        body = encode_repository(
            settings, clock.now().isoformat(), repository_id, keys.maintenance_key
        )
        try:
            storage.put(REPOSITORY_NAME, body)  # the moment the repository exists
        except ObjectExists:
            storage.delete(f"{KEYS_PREFIX}{slot_id.hex()}")
            raise Conflict("There is a repository already; choose another folder.") from None
        return cls(storage, keys, settings, clock)

    @classmethod
    def open(cls, storage: Storage, password: str, clock: Clock | None = None) -> Repository:
        """Open with a password. Raises ``WrongKey``, ``UnknownFormat``, ``Damaged``."""
        head, slots = together(lambda: _read_head(storage), lambda: _read_slots(storage))
        repository_id = repository_id_of(head)
        master_key = _unlock(slots, password, repository_id)
        if master_key is None:
            raise WrongKey("The password does not open this repository.")
        return cls._opened(storage, head, master_key, clock)

    @classmethod
    def open_with_master(
        cls, storage: Storage, master_key: bytes, clock: Clock | None = None
    ) -> Repository:
        """Open with the master key itself. Raises ``WrongKey``, ``UnknownFormat``, ``Damaged``."""
        return cls._opened(storage, _read_head(storage), master_key, clock)

    @classmethod
    def _opened(
        cls, storage: Storage, head: bytes, master_key: bytes, clock: Clock | None
    ) -> Repository:
        keys = RepositoryKeys.from_master(master_key, repository_id_of(head))
        settings = decode_repository(head, keys.maintenance_key)
        return cls(storage, keys, settings, clock or SystemClock())

    # Passwords

    def check_password(self, password: str) -> bool:
        """Whether any slot opens with ``password``."""
        slots = _read_slots(self.storage)
        return _unlock(slots, password, self.repository_id) == self.master_key

    def add_password(self, password: str, cost: Cost | None = None) -> str:
        """A further slot; returns its id."""
        slot_id, slot = make_slot(password, self.master_key, self.repository_id, cost)
        self.storage.put(f"{KEYS_PREFIX}{slot_id.hex()}", slot)
        return slot_id.hex()

    def change_password(self, new: str, old: str | None = None, cost: Cost | None = None) -> None:
        """Put a slot for ``new``, then remove the slots of ``old`` (``None``: all others).

        Raises ``WrongKey`` if no slot opens with ``old``; nothing is changed then.
        """
        slots = _read_slots(self.storage)
        going = [
            name
            for name, slot in slots.items()
            if slot_owner(slot) == self.repository_id
            and (old is None or open_slot(slot, old, self.repository_id) is not None)
        ]
        if old is not None and not going:
            raise WrongKey("The old password does not open this repository.")
        self.add_password(new, cost)
        for name in going:
            self.storage.delete(name)

    # Points

    def points(self, skip_damaged: Callable[[str, EngineError], None] | None = None) -> list[Point]:
        """All points, recipes opened, oldest first.

        Raises ``Damaged`` if one cannot be read, unless ``skip_damaged`` takes its session
        id and the error.
        """
        announced = catalog.read_catalog(self.storage).announced
        points = catalog.read_points(
            self.storage,
            announced,
            self._keys.maintenance_key,
            self.repository_id,
            lambda session_id: self._keys.session_root(id_of(session_id)),
            skip_damaged,
        )
        return sorted(points, key=lambda point: (point.created_at, point.session_id))

    def read_point(self, session_id: str) -> Point:
        """One point with its recipe. Raises ``NotFound``, ``Damaged``, ``WrongKey``."""
        root = self._keys.session_root(id_of(session_id))
        point = None
        if catalog.exists(self.storage, session_name(session_id)):
            try:
                point = catalog.read_point(
                    self.storage,
                    session_id,
                    self._keys.maintenance_key,
                    self.repository_id,
                    root,
                )
            except ObjectMissing:
                point = None
        if point is None:
            raise NotFound(f"The repository has no point of session {session_id}.")
        return point

    def delete_points(self, session_ids: Iterable[str]) -> None:
        """Delete points; ids without a point are fine, open sessions are left alone.

        ``clean`` gives their space back.
        """

        def delete(session_id: str) -> None:
            if catalog.exists(self.storage, point_name(session_id)):
                catalog.delete_session(self.storage, session_id)

        parallel_map(delete, [text_of(id_of(one)) for one in session_ids])

    # Sessions

    def open_session(
        self, session_id: str, machine_id: str, label: str, parent: str | None = None
    ) -> SessionTicket:
        """Register a writing session, or find it registered.

        Raises ``Missing`` if the parent point is gone, ``Conflict`` if the id is taken.
        """
        id_of(session_id)
        if parent is not None and not (
            catalog.exists(self.storage, session_name(parent))
            and catalog.exists(self.storage, point_name(parent))
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

    def open_sessions(self) -> list[str]:
        """Sessions that have neither point nor void."""
        return sorted(catalog.read_catalog(self.storage).open)

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
            self._keys.maintenance_key,
            self.repository_id,
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
            self._keys.session_root(session_id),
            epoch=0,
        )

    def restore_keys(self, point: Point, disk_ids: Collection[str] | None = None) -> RestoreKeys:
        """Keys of exactly the packs that these disks of a point need."""
        keys = self._keys
        index = load_index(self.storage, keys.maintenance_key, self.repository_id)
        reader = PageReader(
            self.storage, index.find_all, keys.maintenance_key, self.repository_id, keys.id_key
        )
        packs = {
            location.pack: location.epoch
            for disk in point.disks
            if disk_ids is None or disk.disk_id in disk_ids
            for _, entries in reader.spans(disk)
            for entry in entries
            if entry.chunk_id is not None
            for location in index.find_all(entry.chunk_id)
        }
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

    def verify(self, level: Level, control: Control | None = None) -> VerifyReport:
        """Look for damage; see ``engine.verify``."""
        return verify(self.storage, self._keys, level, control or NoControl())

    def rebuild_index(self, control: Control | None = None) -> RebuildReport:
        """Make the index anew from the packs; see ``engine.index_rebuild``."""
        return rebuild_index(
            self.storage, self._keys.maintenance_key, self.repository_id, control or NoControl()
        )

    def clean(self, control: Control | None = None) -> CleanReport:
        """Give back what no point needs; see ``engine.cleaning``."""
        return clean(
            self.storage,
            self._keys.maintenance_key,
            self.repository_id,
            control or NoControl(),
            self._clock,
        )


def _read_head(storage: Storage) -> bytes:
    try:
        # One byte more than it may have is read, and no gigabyte that somebody put there.
        return storage.get_range(REPOSITORY_NAME, 0, MAX_REPOSITORY_BYTES + 1)
    except ObjectMissing:
        raise UnknownFormat(
            "There is no Kyanite repository at this address; check it, or make one with init."
        ) from None


def _read_slots(storage: Storage) -> dict[str, bytes]:
    names = [info.name for info in storage.list(KEYS_PREFIX)]
    if len(names) > MAX_SLOTS:
        raise Damaged(f"There are {len(names)} key slots; this program writes no more than a few.")

    def read(name: str) -> bytes:
        return storage.get_range(name, 0, SLOT_BYTES + 1)

    return dict(zip(names, parallel_map(read, names), strict=True))


def _unlock(slots: dict[str, bytes], password: str, repository_id: bytes) -> bytes | None:
    """The master key from the first slot that is of this repository and this password."""
    for slot in slots.values():
        if slot_owner(slot) == repository_id:
            master_key = open_slot(slot, password, repository_id)
            if master_key is not None:
                return master_key
    return None
