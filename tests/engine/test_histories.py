"""Random histories: backups, expiries, cleanings, repacks, kills and freezes, in any order."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from support.histories import Histories

# What a run of histories must have seen, or it proves little.
WANTED = (
    *("backup", "death of a writer", "resumption", "takeover", "freeze"),
    *("writer: done", "writer: PointVoided", "other: done", "two cleaners", "repack"),
    *("deletion of packs", "deletion of packs beside a frozen writer"),
    *("condemned packs that wait", "death of a cleaner", "death of a repack"),
)


def _play(histories: int, steps_each: int) -> Counter[str]:
    """Play histories; what happened. Printed for whoever runs with ``-s``."""

    class Run(Histories):
        happened: ClassVar[Counter[str]] = Counter()

    run_state_machine_as_test(
        Run,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps_each,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    Run.happened["step"] -= Run.happened["history"]  # the state before the first was looked at
    print("; ".join(f"{count} × {what}" for what, count in Run.happened.most_common()))
    return Run.happened


def test_no_history_loses_a_chunk_or_tells_a_lie() -> None:
    happened = _play(histories=40, steps_each=25)
    assert happened["step"] >= 400
    assert happened["backup"]
    assert happened["freeze"]
    assert happened["deletion of packs"]


@pytest.mark.slow
def test_a_hundred_thousand_steps_lose_no_chunk_and_tell_no_lie() -> None:
    happened: Counter[str] = Counter()
    while happened["step"] < 100_000:
        happened += _play(histories=600, steps_each=50)
    print("; ".join(f"{count} × {what}" for what, count in happened.most_common()))
    assert [one for one in WANTED if happened[one] < 200] == []
