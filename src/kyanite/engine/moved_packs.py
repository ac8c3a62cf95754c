"""When may a pack go that points still name? When all that they need of it was moved.

A point is *satisfied* for a moved pack if every chunk and page that it says is in the pack
is in one of those the pack was moved to. Points that a repack has walked are; points that
were committed since are walked here, as long as the pack still exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kyanite.base.errors import ObjectMissing
from kyanite.engine.catalog import read_closed
from kyanite.engine.index import load_index
from kyanite.engine.knowledge import Knowledge
from kyanite.engine.named_entries import NamedEntries
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.page_reader import PageReader
from kyanite.engine.point import Point

Moved = Mapping[PackNumber, Sequence[PackNumber]]


def sources(moved: Moved) -> dict[PackNumber, PackSet]:
    """For each moved pack those whose content has come through it, itself included."""
    found = {old: PackSet([old]) for old in moved}
    for first in moved:
        todo, seen = [first], {first}
        while todo:
            for new in moved.get(todo.pop(), ()):
                if new in moved and new not in seen:
                    seen.add(new)
                    todo.append(new)
                    found[new].add(first)
    return found


def final_packs(moved: Moved, pack: PackNumber) -> PackSet:
    """Where what was in ``pack`` is in the end: packs that were not moved themselves."""
    found, todo, seen = PackSet(), [pack], {pack}
    while todo:
        for new in moved.get(todo.pop(), ()):
            if new not in moved:
                found.add(new)
            elif new not in seen:
                seen.add(new)
                todo.append(new)
    return found


def release_moved(knowledge: Knowledge, there: PackSet) -> None:
    """Release from use, of the packs in ``there``, those that were moved for all their points."""
    moved = knowledge.moved()
    going = PackSet(old for old in moved if old in there)
    if not going:
        knowledge.use.release(going)
        return
    walked: dict[PackNumber, set[str]] = {}
    for moves in knowledge.moves.values():
        for old in moves.moved:
            walked.setdefault(old, set()).update(moves.walked)
    came_from = sources(moved)
    naming = knowledge.naming(PackSet(first for old in going for first in came_from[old]))
    unsure: set[str] = set()
    for old in going:
        for first in came_from[old]:
            unsure |= naming.get(first, set()) - walked[old]
    if unsure:
        missed = _missed(knowledge, moved, unsure)
        going = PackSet(old for old in going if not any(one in missed for one in came_from[old]))
    knowledge.use.release(going)


def _missed(knowledge: Knowledge, moved: Moved, session_ids: Iterable[str]) -> PackSet:
    """Moved packs that hold something for one of these points that is in no final pack."""
    final = {old: final_packs(moved, old) for old in moved}
    keys = (knowledge.maintenance_key, knowledge.repository_id)
    index = load_index(knowledge.storage, *keys)
    entries = NamedEntries(PageReader(knowledge.storage, index.find_all, *keys))
    missed = PackSet()
    for session_id in sorted(session_ids):
        knowledge.control.check()
        try:
            point = read_closed(knowledge.storage, session_id, *keys)
        except ObjectMissing:
            continue
        if isinstance(point, Point):
            for entry_id, pack in entries.new_in(point):
                kept = final.get(pack)
                if kept is None or pack in missed:
                    continue
                if not any(found.pack in kept for found in index.find_all(entry_id)):
                    missed.add(pack)
    return missed
