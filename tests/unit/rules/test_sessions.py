"""States of sessions, and how results add up."""

from __future__ import annotations

import pytest

from kyanite.rules.sessions import (
    ACTIVE,
    FINAL,
    SessionStatus,
    add_up,
    final_status,
    may_move,
    sources_of,
    worsened,
)

S = SessionStatus

ALLOWED = {
    (S.PENDING, S.RUNNING),
    (S.PENDING, S.CANCELING),
    (S.PENDING, S.ERROR),
    (S.RUNNING, S.RUNNING_WITH_WARNING),
    (S.RUNNING, S.RUNNING_WITH_ERROR),
    (S.RUNNING, S.SUCCESS),
    (S.RUNNING, S.WARNING),
    (S.RUNNING, S.ERROR),
    (S.RUNNING, S.CANCELING),
    (S.RUNNING_WITH_WARNING, S.RUNNING_WITH_ERROR),
    (S.RUNNING_WITH_WARNING, S.SUCCESS),
    (S.RUNNING_WITH_WARNING, S.WARNING),
    (S.RUNNING_WITH_WARNING, S.ERROR),
    (S.RUNNING_WITH_WARNING, S.CANCELING),
    (S.RUNNING_WITH_ERROR, S.SUCCESS),
    (S.RUNNING_WITH_ERROR, S.WARNING),
    (S.RUNNING_WITH_ERROR, S.ERROR),
    (S.RUNNING_WITH_ERROR, S.CANCELING),
    (S.CANCELING, S.CANCELED),
}


@pytest.mark.parametrize("current", SessionStatus)
@pytest.mark.parametrize("to", SessionStatus)
def test_only_the_moves_of_the_state_diagram_are_allowed(
    current: SessionStatus, to: SessionStatus
) -> None:
    assert may_move(current, to) == ((current, to) in ALLOWED)
    assert (current in sources_of(to)) == ((current, to) in ALLOWED)


def test_a_status_is_final_or_active_and_never_both() -> None:
    assert set(SessionStatus) - {S.NEVER_EXECUTED} == FINAL | ACTIVE
    assert not FINAL & ACTIVE


@pytest.mark.parametrize(
    ("current", "result", "expected"),
    [
        (S.RUNNING, S.SUCCESS, S.RUNNING),
        (S.RUNNING, S.WARNING, S.RUNNING_WITH_WARNING),
        (S.RUNNING, S.ERROR, S.RUNNING_WITH_ERROR),
        (S.RUNNING_WITH_WARNING, S.ERROR, S.RUNNING_WITH_ERROR),
        (S.RUNNING_WITH_WARNING, S.SUCCESS, S.RUNNING_WITH_WARNING),
        (S.RUNNING_WITH_ERROR, S.WARNING, S.RUNNING_WITH_ERROR),
        (S.CANCELING, S.ERROR, S.CANCELING),
        (S.SUCCESS, S.ERROR, S.SUCCESS),
    ],
)
def test_a_running_session_shows_the_worst_so_far_and_never_goes_back(
    current: SessionStatus, result: SessionStatus, expected: SessionStatus
) -> None:
    assert worsened(current, result) is expected


@pytest.mark.parametrize(
    ("items", "warned", "failed", "expected"),
    [
        ([], False, False, S.SUCCESS),
        ([S.SUCCESS, S.SUCCESS], False, False, S.SUCCESS),
        ([S.SUCCESS, S.WARNING], False, False, S.WARNING),
        ([S.SUCCESS, S.WARNING, S.ERROR], False, False, S.ERROR),
        ([S.SUCCESS], True, False, S.WARNING),
        ([S.ERROR], True, False, S.ERROR),
        ([S.SUCCESS], True, True, S.ERROR),
    ],
)
def test_one_failed_item_makes_the_session_fail_and_a_warning_makes_it_warn(
    items: list[SessionStatus], warned: bool, failed: bool, expected: SessionStatus
) -> None:
    assert add_up(items, warned=warned, failed=failed) is expected


def test_a_session_being_stopped_ends_canceled_whatever_it_had_come_to() -> None:
    assert final_status(S.CANCELING, S.SUCCESS) is S.CANCELED
    assert final_status(S.RUNNING, S.SUCCESS) is S.SUCCESS
