"""Repairing: what points need out of damaged packs is stored anew, from wherever it can be had.

A repair is a session of its own that ends in moves, like a repack: old pack → new packs. So
points that name a damaged pack keep alive what took its place (docs/format/order.md,
"Repair"). What cannot be had from anywhere is written down as the holes of points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from kyanite.base.errors import EngineError, Interrupted, ObjectExists, ObjectMissing, StorageError
from kyanite.base.units import MIB
from kyanite.engine.catalog import exists, read_closed
from kyanite.engine.chunk_reader import ChunkReader
from kyanite.engine.control import Control, NoControl
from kyanite.engine.copies import open_copies
from kyanite.engine.cutting import cutter_of
from kyanite.engine.damage_notes import DamageNote, Holes, read_notes, replace_notes
from kyanite.engine.format import EntryType, point_name, session_name
from kyanite.engine.index import put_index
from kyanite.engine.lost_entries import LostEntry, WorkList, list_work, read_all
from kyanite.engine.lost_pages import LostPages, PageRebuilder
from kyanite.engine.moves import Moves, encode_moves
from kyanite.engine.open_pack import code
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_listing import all_packs
from kyanite.engine.pack_set import PackSet
from kyanite.engine.pack_uploads import PackUploads
from kyanite.engine.page_reader import named_first
from kyanite.engine.pages import PageRef
from kyanite.engine.point import Point
from kyanite.engine.point_walk import Place
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repository import Repository
from kyanite.engine.restore_plan import Wanted, fetches
from kyanite.engine.second_source import SecondSource
from kyanite.engine.session import SessionTicket, read_registration, voided
from kyanite.engine.storage.base import Data

REPAIR_MACHINE: Final = "repair"
_FETCH_BYTES: Final = 8 * MIB


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did.

    refilled        chunks and pages that were stored anew; ``from_second`` of the chunks came
                    from the second repository
    repaired_packs  damaged or missing packs that are not needed any more
    lost            chunks and pages that are nowhere
    holes           of points that stay incomplete
    """

    refilled: int
    from_second: int
    repaired_packs: int
    lost: int
    holes: Holes


def repair(
    repository: Repository, second: Repository | None = None, control: Control | None = None
) -> RepairReport:
    """Refill what is noted as damaged (``Repository.remember``, ``excise``).

    Safe to repeat and to interrupt: what an interrupted one has stored is junk.
    """
    return _Repair(repository, control or NoControl()).run(second)


class _Repair:
    def __init__(self, repository: Repository, control: Control) -> None:
        self._repository = repository
        self._storage = repository.storage
        self._keys = repository.read_keys
        self._structure = (self._keys.maintenance_key, self._keys.repository_id)
        self._control = control
        self._copies = open_copies(self._storage, *self._structure)
        self._chunks = ChunkReader(self._storage, self._keys, self._copies)
        self._pages = LostPages(self._storage, self._copies, self._keys)
        self._from_second = 0

    def run(self, second: Repository | None) -> RepairReport:
        with ExitStack() as stack:
            source: SecondSource | None = None
            if second is not None:
                source = stack.enter_context(SecondSource(second, self._keys.id_key))
            return self._run(source)

    def _run(self, source: SecondSource | None) -> RepairReport:
        note, names = read_notes(self._storage, *self._structure, skip_damaged=True)
        points, moved = read_all(self._storage, self._keys)
        there = PackSet(pack.number for pack, _ in all_packs(self._storage))
        rebuilder = PageRebuilder(
            self._pages,
            self._keys,
            self._copies,
            points,
            moved,
            note.unusable,
            cutter_of(self._repository.settings, self._keys.cut_key),
            source,
        )
        work = list_work(
            self._pages, rebuilder.rebuild, note.unusable, points, moved, self._control
        )
        lost: dict[bytes, LostEntry] = {}
        placed: dict[bytes, PackNumber] = {}
        gone: dict[PackNumber, tuple[PackNumber, ...]] = {}
        self._give_up_earlier()
        if work.entries:
            ticket = self._repository.open_session(
                self._repository.new_session_id(), REPAIR_MACHINE, "repair"
            )
            try:
                placed, lost = self._store(ticket, work, source)
                gone = _moves(work, placed, lost, there)
                self._commit(ticket, gone, work.points)
            except (EngineError, StorageError, Interrupted):
                self._give_up(ticket)
                raise
        holes = _holes(work, lost)
        self._note(note, names, there, holes)
        return RepairReport(len(placed), self._from_second, len(gone), len(lost), holes)

    def _store(
        self, ticket: SessionTicket, work: WorkList, source: SecondSource | None
    ) -> tuple[dict[bytes, PackNumber], dict[bytes, LostEntry]]:
        """Put what can be had into new packs, and index them."""
        placed: dict[bytes, PackNumber] = {}
        lost: dict[bytes, LostEntry] = {}
        settings = ticket.settings
        keys = self._repository.backup_keys(ticket)
        with PackUploads(self._storage, keys, settings.pack_bytes, 2, self._control) as uploads:
            for entry, plain in self._read(work, source):
                self._control.check()
                if plain is None:
                    lost[entry.entry_id] = entry
                    continue
                kind = EntryType.CHUNK if entry.is_chunk else EntryType.PAGE
                coded = code(entry.entry_id, kind, plain, settings.zstd_level)
                placed[entry.entry_id] = uploads.add(coded)
            uploads.flush()
            tables = list(uploads.stored.packs)
        if tables:
            put_index(self._storage, tables, *self._structure)
        return placed, lost

    def _read(
        self, work: WorkList, source: SecondSource | None
    ) -> Iterator[tuple[LostEntry, Data | None]]:
        wanted: list[Wanted] = []
        for entry in work.entries.values():
            if not entry.is_chunk:
                try:
                    yield entry, self._pages.read(PageRef(entry.entry_id, None))
                except EngineError:
                    yield entry, None
                continue
            found = named_first(self._copies.find_all(entry.entry_id), None)
            if found:
                wanted.append(Wanted(entry.entry_id, entry.length, found[0], [0]))
            else:
                yield entry, self._elsewhere(entry, source)
        for fetch in fetches(wanted, _FETCH_BYTES):
            for one, plain in self._chunks.read(fetch):
                entry = work.entries[one.chunk_id]
                if isinstance(plain, EngineError):
                    yield entry, self._elsewhere(entry, source)
                else:
                    yield entry, plain

    def _elsewhere(self, entry: LostEntry, source: SecondSource | None) -> bytes | None:
        data = source.find(entry.entry_id, entry.places) if source else None
        self._from_second += data is not None
        return data

    def _commit(
        self,
        ticket: SessionTicket,
        gone: dict[PackNumber, tuple[PackNumber, ...]],
        points: Sequence[Point],
    ) -> None:
        """The list of moves is the commit; with nothing to move the session is given up."""
        if not gone:
            self._give_up(ticket)
            return
        self._control.check()
        walked = frozenset(point.session_id for point in points)
        moves = Moves(ticket.session_id, gone, walked)
        name = point_name(ticket.session_id)
        try:
            self._storage.put(name, encode_moves(moves, *self._structure))
        except ObjectExists:  # our own, its answer lost; or a void
            if read_closed(self._storage, ticket.session_id, *self._structure) is None:
                raise voided(ticket.session_id) from None
        if not exists(self._storage, session_name(ticket.session_id)):
            raise voided(ticket.session_id)

    def _give_up_earlier(self) -> None:
        """Repairs that were interrupted: nobody resumes them."""
        for session_id in self._repository.open_sessions():
            with suppress(ObjectMissing, EngineError):
                found = read_registration(self._storage, session_id, *self._structure)
                if found.machine_id == REPAIR_MACHINE:
                    self._repository.abandon_session(session_id, "a later repair began")

    def _give_up(self, ticket: SessionTicket) -> None:
        self._repository.abandon_session(ticket.session_id, "the repair was not finished")

    def _note(self, note: DamageNote, names: list[str], there: PackSet, holes: Holes) -> None:
        """What stays noted: packs that are there still, and what points have holes from."""
        keep = not holes
        after = DamageNote(
            PackSet(one for one in note.damaged if not keep or one in there),
            PackSet(one for one in note.excised if not keep or one in there),
            holes,
        )
        if after != note or len(names) > 1:
            replace_notes(self._storage, after, names, *self._structure)


def _moves(
    work: WorkList,
    placed: dict[bytes, PackNumber],
    lost: dict[bytes, LostEntry],
    there: PackSet,
) -> dict[PackNumber, tuple[PackNumber, ...]]:
    """Packs of which all that is needed was stored anew, or that are not there any more.

    A pack that is there and could not be refilled whole stays: it may be tried again.
    """
    stays = {pack for entry in lost.values() for pack in entry.packs if pack in there}
    stays |= {
        place.pack for _, place in work.unlisted if place.pack is not None and place.pack in there
    }
    moved: dict[PackNumber, dict[PackNumber, None]] = {}
    for entry in work.entries.values():
        for pack in entry.packs - stays:
            new = moved.setdefault(pack, {})
            if entry.entry_id in placed:
                new[placed[entry.entry_id]] = None
    return {pack: tuple(new) for pack, new in moved.items()}


def _holes(work: WorkList, lost: dict[bytes, LostEntry]) -> dict[str, dict[str, RangeList]]:
    found: dict[str, dict[str, list[ByteRange]]] = {}
    places: list[tuple[Point, Place]] = [*work.unlisted]
    for entry in lost.values():
        places += entry.places
    for point, place in places:
        disks = found.setdefault(point.session_id, {})
        disks.setdefault(place.disk_id, []).append(ByteRange(place.offset, place.length))
    return {
        session_id: {disk_id: RangeList(ranges) for disk_id, ranges in disks.items()}
        for session_id, disks in found.items()
    }
