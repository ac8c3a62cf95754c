"""Sets of packs, as points, condemned lists and marks speak of them.

A pack is meant by its number: the session that wrote it, and which of its packs it is. Two
packs of one number (two processes of one session, one of them a ghost) are meant together:
what is true for the number is true for both (docs/format/order.md, "Pack sets").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kyanite.base.errors import Damaged, Invalid
from kyanite.base.json_types import JsonValue, as_int, as_list
from kyanite.engine.format import MAX_PACK_ORDINAL, ensure, id_of, text_of
from kyanite.engine.pack import PackNumber, PackRef


class PackSet:
    """A set of pack numbers; also answers for the packs themselves."""

    def __init__(self, numbers: Iterable[PackNumber] = ()) -> None:
        self._ordinals: dict[bytes, set[int]] = {}
        for number in numbers:
            self.add(number)

    def __contains__(self, pack: object) -> bool:
        if isinstance(pack, PackRef):
            pack = pack.number
        if not isinstance(pack, PackNumber):
            return False
        return pack.ordinal in self._ordinals.get(pack.session_id, ())

    def __iter__(self) -> Iterator[PackNumber]:
        for session_id, ordinals in self._ordinals.items():
            for ordinal in ordinals:
                yield PackNumber(session_id, ordinal)

    def __len__(self) -> int:
        return sum(len(ordinals) for ordinals in self._ordinals.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackSet) and self._ordinals == other._ordinals

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"PackSet({len(self)} packs of {len(self._ordinals)} sessions)"

    def add(self, number: PackNumber) -> None:
        self._ordinals.setdefault(number.session_id, set()).add(number.ordinal)

    def update(self, numbers: Iterable[PackNumber]) -> None:
        for number in numbers:
            self.add(number)

    def without(self, other: PackSet) -> PackSet:
        """What is here and not in ``other``."""
        left = PackSet()
        for session_id, ordinals in self._ordinals.items():
            rest = ordinals - other._ordinals.get(session_id, set())
            if rest:
                left._ordinals[session_id] = rest
        return left

    def sessions(self) -> list[bytes]:
        """Whose packs they are, sorted."""
        return sorted(self._ordinals)

    def ordinals(self, session_id: bytes) -> frozenset[int]:
        """Which packs of one session."""
        return frozenset(self._ordinals.get(session_id, ()))

    def to_json(self) -> dict[str, JsonValue]:
        """By session the gaps between its ordinals (docs/format/objects.md, "Pack sets")."""
        return {
            text_of(session_id): list(_gaps(sorted(ordinals)))
            for session_id, ordinals in sorted(self._ordinals.items())
            if ordinals
        }

    @classmethod
    def from_json(cls, document: Mapping[str, JsonValue]) -> PackSet:
        """Raises ``Damaged`` for what is no set of packs."""
        found = cls()
        for session, gaps in document.items():
            found._ordinals[session_of(session)] = set(
                _ordinals([as_int(gap) for gap in as_list(gaps)])
            )
        return found


def needs_to_json(needs: Mapping[PackNumber, int]) -> dict[str, JsonValue]:
    """How much of each pack is needed: by session ``[gap, bytes, gap, bytes, …]``."""
    sessions: dict[bytes, list[tuple[int, int]]] = {}
    for number, size in needs.items():
        sessions.setdefault(number.session_id, []).append((number.ordinal, size))
    result: dict[str, JsonValue] = {}
    for session_id, rows in sorted(sessions.items()):
        rows.sort()
        flat: list[JsonValue] = []
        for gap, (_, size) in zip(_gaps([ordinal for ordinal, _ in rows]), rows, strict=True):
            flat += (gap, size)
        result[text_of(session_id)] = flat
    return result


def needs_from_json(document: Mapping[str, JsonValue]) -> dict[PackNumber, int]:
    """The other way round. Raises ``Damaged``."""
    needs: dict[PackNumber, int] = {}
    for session, value in document.items():
        session_id = session_of(session)
        flat = [as_int(one) for one in as_list(value)]
        ensure(len(flat) % 2 == 0, "A point has a list of packs that makes no sense.")
        for ordinal, size in zip(_ordinals(flat[::2]), flat[1::2], strict=True):
            ensure(size > 0, "A point needs nothing of a pack that it names.")
            needs[PackNumber(session_id, ordinal)] = size
    return needs


def session_of(text: str) -> bytes:
    """A session id in a body. Raises ``Damaged``."""
    try:
        return id_of(text)
    except Invalid as error:
        raise Damaged(f"A set of packs makes no sense: {error}") from None


def _gaps(ordinals: Iterable[int]) -> Iterator[int]:
    at = -1
    for ordinal in ordinals:
        yield ordinal - at - 1
        at = ordinal


def _ordinals(gaps: Iterable[int]) -> Iterator[int]:
    at = -1
    for gap in gaps:
        at += gap + 1
        ensure(gap >= 0 and at <= MAX_PACK_ORDINAL, "A set of packs makes no sense.")
        yield at
