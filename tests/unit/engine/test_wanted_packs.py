"""A pack is read when all that is wanted of it is known."""

from __future__ import annotations

from kyanite.base.units import KIB
from kyanite.engine.format import EntryType
from kyanite.engine.index_location import Location
from kyanite.engine.pack import PackRef
from kyanite.engine.restore_plan import Wanted
from kyanite.engine.wanted_packs import WantedPacks

ONE, TWO, MOVED = (
    PackRef(bytes(16), number.to_bytes(4, "little") + bytes(12)) for number in (1, 2, 3)
)
CHUNK = 64 * KIB


def wanted(pack: PackRef, place: int) -> Wanted:
    location = Location(pack, 0, 64 + place, 1000, EntryType.CHUNK, 1)
    return Wanted(place.to_bytes(32, "little"), CHUNK, location, [place])


def test_a_pack_waits_until_all_its_bytes_were_seen() -> None:
    packs = WantedPacks({ONE.number: 2 * CHUNK + 3, TWO.number: CHUNK})  # and three pages
    first, second, third = wanted(ONE, 0), wanted(TWO, 1), wanted(ONE, 2)
    packs.saw({ONE.number: CHUNK, TWO.number: CHUNK})
    packs.add([first, second])
    assert packs.take() == [(TWO, [second])]
    packs.saw({ONE.number: CHUNK})
    packs.add([third])
    assert packs.take() == [(ONE, [first, third])]
    assert packs.take(everything=True) == []


def test_bytes_that_are_not_wanted_count_as_seen() -> None:
    packs = WantedPacks({ONE.number: 2 * CHUNK})
    packs.add([wanted(ONE, 0)])
    packs.saw({ONE.number: CHUNK})
    packs.saw({ONE.number: CHUNK})
    assert len(packs.take()) == 1


def test_a_pack_the_point_does_not_name_is_not_waited_for() -> None:
    packs = WantedPacks({ONE.number: CHUNK})
    packs.saw({ONE.number: CHUNK})
    packs.add([wanted(MOVED, 0)])
    assert len(packs.take()) == 1


def test_at_the_end_everything_is_taken_pack_by_pack() -> None:
    packs = WantedPacks({ONE.number: 9 * CHUNK, TWO.number: 9 * CHUNK})
    packs.add([wanted(ONE, 0), wanted(TWO, 1), wanted(ONE, 2)])
    assert packs.take() == []
    assert [
        (pack, [one.places for one in of_pack]) for pack, of_pack in packs.take(everything=True)
    ] == [(ONE, [[0], [2]]), (TWO, [[1]])]


def test_so_much_is_held_and_no_more() -> None:
    packs = WantedPacks({ONE.number: 1 << 60})
    held = 0
    while not packs.take():
        packs.add([wanted(ONE, held)])
        held += 1
    assert 1 << 15 < held < 1 << 18
