"""Until when each object has to be locked, as the points say it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from kyanite.engine.condemned import pack_of_name
from kyanite.engine.format import (
    INDEX_PREFIX,
    KEYS_PREFIX,
    PACKS_PREFIX,
    REPOSITORY_NAME,
    RINGS_PREFIX,
    TRACES_PREFIX,
    point_name,
    session_name,
)
from kyanite.engine.moved_packs import final_packs
from kyanite.engine.moves import Moves
from kyanite.engine.pack import PackNumber
from kyanite.engine.pack_set import PackSet
from kyanite.engine.point import Point

STEP: Final = timedelta(days=30)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def end_of_step(until: datetime) -> datetime:
    """``until``, rounded up to the end of its step."""
    steps = -((_EPOCH - until) // STEP)
    return _EPOCH + steps * STEP


@dataclass(frozen=True, slots=True)
class LockNeeds:
    """When what may go, as the points say it."""

    by_pack: Mapping[PackNumber, datetime]
    by_name: Mapping[str, datetime]
    by_point: Mapping[str, datetime]
    shared: datetime | None
    moved: Mapping[PackNumber, PackSet]

    def of(self, name: str) -> datetime | None:
        """Until when the object of that name has to be locked."""
        if name.startswith(PACKS_PREFIX):
            pack = pack_of_name(name)
            return self.by_pack.get(pack.number) if pack else None
        if name.startswith((INDEX_PREFIX, KEYS_PREFIX, RINGS_PREFIX)) or name == REPOSITORY_NAME:
            return self.shared
        return self.by_name.get(name)

    def places(
        self, named: PackNumber, there: Mapping[PackNumber, datetime | None]
    ) -> Iterator[PackNumber]:
        """The packs that hold what a point means by ``named``: where it was moved to, or itself."""
        final = self.moved.get(named)
        if final is None or named in there:
            yield named
        yield from final or ()


def lock_needs(
    points: Sequence[Point], moves: Sequence[Moves], until: Mapping[str, datetime]
) -> LockNeeds:
    """What ``points`` need until what they carry, and until ``until`` (by session id)."""
    steps = {old: new for one in moves for old, new in one.moved.items()}
    moved = {old: final_packs(steps, old) for old in steps}
    by_pack: dict[PackNumber, datetime] = {}
    by_name: dict[str, datetime] = {}
    by_point: dict[str, datetime] = {}
    for point in points:
        ends = [end for end in (_carried(point), until.get(point.session_id)) if end]
        if not ends:
            continue
        end = by_point[point.session_id] = max(ends)
        for name in (
            f"{TRACES_PREFIX}{point.session_id}",
            session_name(point.session_id),
            point_name(point.session_id),
        ):
            by_name[name] = end
        rounded = end_of_step(end)
        for named in point.packs():
            for number in (named, *moved.get(named, ())):
                if rounded > by_pack.get(number, _EPOCH):
                    by_pack[number] = rounded
    shared = end_of_step(max(by_point.values())) if by_point else None
    if shared is not None:
        for one in moves:
            by_name[session_name(one.session_id)] = shared
            by_name[point_name(one.session_id)] = shared
    return LockNeeds(by_pack, by_name, by_point, shared, moved)


def _carried(point: Point) -> datetime | None:
    return datetime.fromisoformat(point.lock_until) if point.lock_until else None
