"""Moves: what a repack has moved, and the commit of its session.

It stands where a point would stand, so that a void excludes it and it excludes a void.
While a point names a pack that was moved, the packs it was moved to are in use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kyanite.base.json_types import JsonValue, as_int, as_list, as_object, as_texts
from kyanite.engine.format import Kind, ensure, id_of, point_name, text_of
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import session_of
from kyanite.engine.sealed_object import seal, unseal

_DECIMAL: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moves:
    """``moved``: each old pack, and the packs of this session that have what was live in it.

    ``walked``: points that name old packs and were read page by page: all they need is there.
    """

    session_id: str
    moved: Mapping[PackNumber, tuple[PackNumber, ...]]
    walked: frozenset[str]


def encode_moves(moves: Moves, maintenance_key: bytes, repository_id: bytes) -> bytes:
    """The object to put under the name of the session's point."""
    sessions: dict[str, dict[str, JsonValue]] = {}
    for old, new in sorted(moves.moved.items()):
        ordinals = [number.ordinal for number in new]
        sessions.setdefault(text_of(old.session_id), {})[str(old.ordinal)] = ordinals
    name = point_name(moves.session_id)
    body = to_json_bytes({"moved": sessions, "walked": sorted(moves.walked)})
    return seal(Kind.MOVES, name, body, maintenance_key, repository_id)


def decode_moves(
    session_id: str, data: bytes, maintenance_key: bytes, repository_id: bytes
) -> Moves:
    """Raises ``Damaged``."""
    name = point_name(session_id)
    body = from_json_bytes(name, unseal(Kind.MOVES, name, data, maintenance_key, repository_id))
    own = id_of(session_id)
    moved: dict[PackNumber, tuple[PackNumber, ...]] = {}
    for session, packs in as_object(body.get("moved")).items():
        owner = session_of(session)
        for ordinal, new in as_object(packs).items():
            numbers = [int(ordinal) if _DECIMAL.fullmatch(ordinal) else -1]
            numbers += (as_int(one) for one in as_list(new))
            ensure(
                all(0 <= number < 2**32 for number in numbers),
                f"{name} names a pack that makes no sense.",
            )
            successors = tuple(PackNumber(own, number) for number in numbers[1:])
            moved[PackNumber(owner, numbers[0])] = successors
    return Moves(session_id, moved, frozenset(as_texts(body.get("walked"))))
