"""Partial repack: moves what is live out of wasteful packs, so that cleaning can delete them.

A repack is a session of its own: registered, then packs, then their index segment, then the
list of moves, which is its commit. It deletes nothing (docs/format/order.md, "Repack").
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.base.errors import Damaged, EngineError, ObjectExists, ObjectMissing
from kyanite.engine.catalog import exists, read_closed
from kyanite.engine.condemned import read_lists
from kyanite.engine.control import Control
from kyanite.engine.format import EntryType, point_name, session_name, text_of
from kyanite.engine.index import put_index
from kyanite.engine.keys import BackupKeys, pack_key, page_id_key, structure_key
from kyanite.engine.knowledge import Knowledge, take_listing
from kyanite.engine.live_entries import LiveEntries, most_needed, points_needing
from kyanite.engine.moves import Moves, encode_moves
from kyanite.engine.open_pack import code
from kyanite.engine.pack import PackEntry, PackNumber, PackRef, PackTable, open_entry, read_table
from kyanite.engine.pack_listing import all_packs, packs_of_sessions
from kyanite.engine.pack_set import PackSet
from kyanite.engine.pack_uploads import PackUploads
from kyanite.engine.point import Point
from kyanite.engine.repack_rule import PackLoad, Price, choose
from kyanite.engine.session import SessionTicket, voided
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map

# Stored bytes are fewer than the plain bytes that points speak of; the tables tell exactly.
_LOOSE = 3.0


@dataclass(frozen=True, slots=True)
class RepackReport:
    """What was moved. ``wasted_bytes`` come free when cleaning deletes the old packs."""

    looked_at: int
    moved_packs: int
    moved_bytes: int
    new_packs: int
    wasted_bytes: int
    damaged: tuple[str, ...] = ()


def repack(
    storage: Storage,
    keys: BackupKeys,
    root_of: Callable[[bytes, int], bytes],
    ticket: SessionTicket,
    control: Control,
    price: Price,
    budget_bytes: int,
    locked: Container[str] = frozenset(),
) -> RepackReport:
    """Move what is worth it. ``root_of``: the secret of a session in an epoch.

    ``locked``: names of objects that nobody can delete now; moving such a pack frees nothing.

    Raises ``PointVoided`` if the session was given up meanwhile: nothing was moved then.
    """
    return _Repack(storage, keys, root_of, ticket, control, locked).run(price, budget_bytes)


class _Repack:
    def __init__(
        self,
        storage: Storage,
        keys: BackupKeys,
        root_of: Callable[[bytes, int], bytes],
        ticket: SessionTicket,
        control: Control,
        locked: Container[str],
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._root_of = root_of
        self._ticket = ticket
        self._control = control
        self._locked = locked
        self._structure = (keys.maintenance_key, keys.repository_id)

    def run(self, price: Price, budget_bytes: int) -> RepackReport:
        # The session is registered: lists put from now on wait for it. Older ones are avoided.
        condemned = PackSet()
        for one in read_lists(self._storage, *self._structure):
            condemned.update(one.packs)
        knowledge = Knowledge(self._storage, *self._structure, self._control)
        listing = take_listing(self._storage)
        knowledge.load_ledgers(listing)
        knowledge.learn((listing.sessions & listing.closed.keys()) - knowledge.points, listing)
        knowledge.follow_moves()
        suspects = self._suspects(knowledge, condemned, price, budget_bytes)
        points, named = points_needing(knowledge, PackSet(pack.number for pack in suspects))
        live = LiveEntries(knowledge, named)
        walked = live.add(points)
        tables = [table for table in parallel_map(self._table, suspects) if table is not None]
        loads = [self._load(table, live.ids) for table in tables]
        chosen = choose(loads, price, self._ticket.settings.pack_bytes, budget_bytes)
        going = PackSet(load.number for load in chosen)
        moved, new, damaged = self._move([t for t in tables if t.pack in going], live.ids)
        if moved:
            put_index(self._storage, new, *self._structure)
        self._commit(Moves(self._ticket.session_id, moved, frozenset(walked)))
        done = [load for load in chosen if load.number in moved]
        return RepackReport(
            len(suspects),
            len(done),
            sum(load.live_bytes for load in done),
            len(new),
            sum(load.waste_bytes for load in done),
            damaged,
        )

    def _suspects(
        self, knowledge: Knowledge, condemned: PackSet, price: Price, budget_bytes: int
    ) -> list[PackRef]:
        """Packs that may be wasteful: by what the oldest and the newest points need of them."""
        ends = {
            text_of(point.session_id)
            for machine in knowledge.machines.values()
            if machine.points
            for point in (machine.points[0], machine.points[-1])
        }
        most = most_needed(self._points(sorted(ends)))
        moved = knowledge.moved()

        def shares() -> Iterator[tuple[float, str, PackRef]]:
            for pack, size in _without_twins(all_packs(self._storage)):
                number = pack.number
                if number in condemned or number in moved or number not in knowledge.use:
                    continue
                if pack.name in self._locked:
                    continue
                share = most.get(number, 0) / max(size, 1)  # an empty object may stand there
                if share <= price.most_live * _LOOSE:
                    yield share, pack.name, pack

        most_packs = max(16, 4 * budget_bytes // self._ticket.settings.pack_bytes)
        return [pack for _, _, pack in heapq.nsmallest(most_packs, shares())]

    def _points(self, session_ids: Sequence[str]) -> Iterable[Point]:
        for at in range(0, len(session_ids), 64):
            for found in parallel_map(self._closed, session_ids[at : at + 64]):
                if isinstance(found, Point):
                    yield found

    def _closed(self, session_id: str) -> Point | Moves | None:
        try:
            return read_closed(self._storage, session_id, *self._structure)
        except ObjectMissing:
            return None

    def _table(self, pack: PackRef) -> PackTable | None:
        self._control.check()
        try:
            return read_table(self._storage, pack, *self._structure)
        except (EngineError, ObjectMissing):
            return None  # verify tells; a damaged pack is left where it is

    def _load(self, table: PackTable, live: set[bytes]) -> PackLoad:
        used = sum(entry.stored_length for entry in table.entries if entry.entry_id in live)
        is_locked = table.pack.name in self._locked
        return PackLoad(table.pack.number, table.size_bytes, used, is_locked)

    def _move(
        self, tables: Sequence[PackTable], live: set[bytes]
    ) -> tuple[dict[PackNumber, tuple[PackNumber, ...]], list[PackTable], tuple[str, ...]]:
        settings = self._ticket.settings
        moved: dict[PackNumber, tuple[PackNumber, ...]] = {}
        placed: dict[bytes, PackNumber] = {}
        damaged: list[str] = []
        own = self._next_ordinal()
        with PackUploads(
            self._storage, self._keys, settings.pack_bytes, 2, self._control, own
        ) as uploads:
            for table in sorted(tables, key=lambda table: table.pack.name):
                self._control.check()
                try:
                    entries = list(self._open(table, live))
                except (Damaged, ObjectMissing) as error:
                    damaged.append(str(error))
                    continue
                places: dict[PackNumber, None] = {}
                for entry, plain in entries:
                    place = placed.get(entry.entry_id)
                    if place is None:
                        kind = EntryType(entry.entry_type)
                        place = uploads.add(code(entry.entry_id, kind, plain, settings.zstd_level))
                        placed[entry.entry_id] = place
                    places[place] = None
                moved[table.pack.number] = tuple(places)
            uploads.flush()
            return moved, list(uploads.stored.packs), tuple(damaged)

    def _next_ordinal(self) -> int:
        """Behind the packs of an earlier attempt, which are junk now."""
        earlier = packs_of_sessions(self._storage, [self._keys.session_id])
        return 1 + max((pack.ordinal for pack in earlier), default=-1)

    def _open(
        self, table: PackTable, live: set[bytes]
    ) -> Iterable[tuple[PackEntry, bytes | bytearray | memoryview]]:
        """The live entries of a pack, opened and checked: damage is not spread."""
        pack = table.pack
        data = memoryview(self._storage.get(pack.name))
        root = self._root_of(pack.session_id, table.epoch)
        ids = {EntryType.CHUNK: self._keys.id_key, EntryType.PAGE: page_id_key(self._keys.id_key)}
        ciphers = {
            EntryType.CHUNK: AESGCM(pack_key(root, pack.pack_id)),
            EntryType.PAGE: AESGCM(structure_key(self._keys.maintenance_key, pack.pack_id)),
        }
        for entry in table.entries:
            if entry.entry_id not in live:
                continue
            if entry.entry_type not in ciphers:
                raise Damaged(f"{pack.name}: the entry at {entry.offset} is of unknown type.")
            kind = EntryType(entry.entry_type)
            plain = open_entry(
                ciphers[kind],
                self._keys.repository_id,
                pack,
                entry.entry_id,
                entry,
                data[entry.offset : entry.offset + entry.stored_length],
                entry.plain_length,
            )
            if blake3(plain, key=ids[kind]).digest() != entry.entry_id:
                raise Damaged(f"{pack.name}: the entry at {entry.offset} holds other bytes.")
            yield entry, plain

    def _commit(self, moves: Moves) -> None:
        name = point_name(moves.session_id)
        self._control.check()
        try:
            self._storage.put(name, encode_moves(moves, *self._structure))
        except ObjectExists:
            if not isinstance(self._closed(moves.session_id), Moves):
                raise voided(moves.session_id) from None
        if not exists(self._storage, session_name(moves.session_id)):
            raise voided(moves.session_id)


def _without_twins(packs: Iterable[tuple[PackRef, int]]) -> Iterator[tuple[PackRef, int]]:
    """Packs whose number is their own. Listed by name, two of one number stand together."""
    for _, group in groupby(packs, key=lambda one: one[0].number):
        same = list(group)
        if len(same) == 1:
            yield same[0]
