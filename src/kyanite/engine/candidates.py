"""Where unused packs are looked for: where something has expired, or everywhere.

Looking everywhere (all packs are listed) finds what nothing leads to: packs that a ghost of
a session put after its session was cleaned away. It is cheap in a small repository, and done
now and then in a big one.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from kyanite.base.errors import Missing
from kyanite.engine.catalog import exists
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.deletion import list_expired, read_expired
from kyanite.engine.format import id_of, session_name, text_of
from kyanite.engine.knowledge import Knowledge, Listing, take_listing
from kyanite.engine.moved_packs import release_moved
from kyanite.engine.pack import PackNumber, PackRef
from kyanite.engine.pack_listing import all_packs, packs_of_sessions
from kyanite.engine.pack_set import PackSet
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map, read_ahead

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidates:
    """What was found: ``unused`` packs with sizes, and all that was learned on the way.

    locked  unused packs that nobody can delete now: condemning them would be in vain
    notes   sessions whose notes of deletion were followed
    listed  how many packs were listed; of no meaning unless ``whole``
    age     cleanings since all packs were listed, for the next ledger
    """

    knowledge: Knowledge
    listing: Listing
    unused: dict[PackRef, int]
    locked: dict[PackRef, int]
    notes: tuple[str, ...]
    whole: bool
    listed: int
    age: int

    @classmethod
    def find(
        cls,
        knowledge: Knowledge,
        listed: PackSet,
        rules: CleaningRules,
        whole: bool,
        locked: Container[str] = _NONE,
    ) -> Candidates:
        """Look for packs that no point and no open session needs, and no list names yet.

        ``locked``: names of objects that nobody can delete now.
        """
        storage = knowledge.storage
        notes = list_expired(storage)
        listing = take_listing(storage)
        knowledge.load_ledgers(listing)
        announced = listing.sessions & listing.closed.keys()
        knowledge.learn(announced - knowledge.points, listing)
        knowledge.follow_moves()
        keys = (knowledge.maintenance_key, knowledge.repository_id)
        look_at = PackSet(number for number in knowledge.dropped if number not in knowledge.use)
        blind = False
        unknown = [one for one in notes if one not in announced and one not in knowledge.expired]
        for note in read_ahead(lambda one: read_expired(storage, one, *keys), unknown):
            blind = blind or note.packs is None
            look_at.update(number for number in note.packs or () if number not in knowledge.use)
        age = knowledge.age
        if whole or blind or rules.lists_all(len(knowledge.use), age):
            unused, count = _everywhere(knowledge, listing, listed)
            split = _split(unused, locked)
            return cls(knowledge, listing, *split, tuple(notes), True, count, 0)
        moved = knowledge.moved()
        for number in list(look_at):
            look_at.update(moved.get(number, ()))
        junk = [one for one in listing.closed if one not in listing.sessions]
        sessions = {
            *look_at.sessions(),
            *(id_of(one) for one in (*knowledge.fresh, *knowledge.moves, *notes, *junk)),
            *(old.session_id for old in moved),
        }
        found = packs_of_sessions(
            storage,
            sorted(sessions),
            lambda pack: pack.number in moved or pack.number not in knowledge.use,
        )
        release_moved(knowledge, PackSet(pack.number for pack in found))
        split = _split(_unused(found.items(), knowledge, listing, listed), locked)
        return cls(knowledge, listing, *split, tuple(notes), False, 0, (age or 0) + 1)


def _split(
    unused: dict[PackRef, int], locked: Container[str]
) -> tuple[dict[PackRef, int], dict[PackRef, int]]:
    """Packs that can be deleted, and those that cannot."""
    kept = {pack: size for pack, size in unused.items() if pack.name in locked}
    return {pack: size for pack, size in unused.items() if pack not in kept}, kept


def _everywhere(
    knowledge: Knowledge, listing: Listing, listed: PackSet
) -> tuple[dict[PackRef, int], int]:
    moved = knowledge.moved()
    count = 0
    found: dict[PackRef, int] = {}

    def all_of_them() -> Iterable[PackNumber]:
        nonlocal count
        for pack, size in all_packs(knowledge.storage):
            count += 1
            if pack.number in moved or pack.number not in knowledge.use:
                found[pack] = size
            yield pack.number

    lost = PackSet(n for n in knowledge.use.missing(all_of_them()) if n not in moved)
    _ensure_put_since(knowledge, lost)
    release_moved(knowledge, PackSet(pack.number for pack in found))
    return _unused(found.items(), knowledge, listing, listed), count


def _unused(
    found: Iterable[tuple[PackRef, int]], knowledge: Knowledge, listing: Listing, listed: PackSet
) -> dict[PackRef, int]:
    open_sessions = {id_of(one) for one in listing.open}
    unused = {
        pack: size
        for pack, size in found
        if pack.session_id not in open_sessions
        and pack not in listed
        and pack.number not in knowledge.use
    }
    # Sessions that registered after the sessions were listed: asked for by name.
    unlisted = {text_of(pack.session_id) for pack in unused} - listing.sessions
    late = {one for one in parallel_map(_session_of(knowledge.storage), sorted(unlisted)) if one}
    return {pack: size for pack, size in unused.items() if text_of(pack.session_id) not in late}


def _session_of(storage: Storage) -> Callable[[str], str]:
    def name_if_there(session_id: str) -> str:
        return session_id if exists(storage, session_name(session_id)) else ""

    return name_if_there


def _ensure_put_since(knowledge: Knowledge, lost: PackSet) -> None:
    """Raise ``Missing`` if packs that points need are not there: cleaning would not help."""
    if not lost:
        return
    there = PackSet(pack.number for pack in packs_of_sessions(knowledge.storage, lost.sessions()))
    gone = lost.without(there)
    if gone:  # moved since, and deleted by another cleaner?
        knowledge.learn_moves(take_listing(knowledge.storage))
        gone = gone.without(PackSet(knowledge.moved()))
    needing = set().union(*knowledge.naming(gone).values())
    if any(parallel_map(_session_of(knowledge.storage), sorted(needing))):
        sessions = ", ".join(text_of(one) for one in gone.sessions()[:3])
        raise Missing(
            f"Restore points need {len(gone)} packs of sessions {sessions} that are not there. "
            "Nothing was cleaned; run verify, and delete the points it names."
        )
