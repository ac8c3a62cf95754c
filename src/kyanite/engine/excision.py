"""Excising a session: its chunks count as missing, for writers and for readers.

For a worker that was stolen: it may have stored wrong bytes under right names.
"""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.base.errors import NotFound
from kyanite.engine.damage_notes import DamageNote, joined, read_notes, replace_notes
from kyanite.engine.format import id_of
from kyanite.engine.pack_listing import packs_of_sessions
from kyanite.engine.pack_set import PackSet
from kyanite.engine.point import Point
from kyanite.engine.repository import Repository


@dataclass(frozen=True, slots=True)
class Excision:
    """``points`` need something of the session's ``packs``."""

    packs: int
    points: tuple[Point, ...]


def excise(repository: Repository, session_id: str) -> Excision:
    """Note all packs of a session. Raises ``NotFound`` if it has none."""
    keys = repository.read_keys
    structure = (keys.maintenance_key, keys.repository_id)
    packs = packs_of_sessions(repository.storage, [id_of(session_id)])
    if not packs:
        raise NotFound(f"There are no packs of session {session_id}; `list` shows the sessions.")
    numbers = PackSet(pack.number for pack in packs)
    before, names = read_notes(repository.storage, *structure, skip_damaged=True)
    after = joined((before, DamageNote(excised=numbers)))
    replace_notes(repository.storage, after, names, *structure)
    points = repository.points(lambda _, __: None)
    hurt = tuple(point for point in points if any(one in numbers for one in point.packs()))
    return Excision(len(packs), hurt)
