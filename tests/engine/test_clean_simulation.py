"""Cleaning a repository far too big to be made costs what expired, not what is there."""

from __future__ import annotations

from bench.simulated_repository import KEY, REPOSITORY, SimulatedRepository
from kyanite.base.clock import SystemClock
from kyanite.engine.cleaning import CleanReport, clean
from kyanite.engine.control import NoControl

MACHINES = 40
POINTS = 60


def _cleaned(expiring: int) -> tuple[SimulatedRepository, CleanReport, int]:
    storage = SimulatedRepository(MACHINES, POINTS, packs_of_full=400)
    alone = sum(storage.expire(machine, 0) for machine in range(expiring))
    return storage, clean(storage, KEY, REPOSITORY, NoControl(), SystemClock()), alone


def test_exactly_what_no_other_point_needs_is_freed_and_no_point_is_read() -> None:
    storage, report, alone = _cleaned(MACHINES)
    assert storage.packs > 20_000  # big enough not to be listed whole
    assert report.freed_bytes == alone > 0
    assert report.waiting_for == ()
    # Ledgers and the list it has put itself; not one point, not one page.
    assert storage.requests["get"] <= 5
    assert storage.requests["put"] <= 5
    # Each machine: packs, its note, and a few listings.
    assert storage.requests["delete"] <= report.deleted_packs + MACHINES + 10


def test_the_work_follows_what_expired() -> None:
    none, report, _ = _cleaned(0)
    assert report.deleted_packs == 0
    one, _, _ = _cleaned(1)
    all_of_them, _, _ = _cleaned(MACHINES)
    first = sum(one.requests.values()) - sum(none.requests.values())
    each = (sum(all_of_them.requests.values()) - sum(none.requests.values())) / MACHINES
    assert first < 40
    assert each <= first
    assert sum(none.requests.values()) < 30
    second = clean(all_of_them, KEY, REPOSITORY, NoControl(), SystemClock())
    assert second.deleted_packs == 0
