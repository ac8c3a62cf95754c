"""Stopping a session that works: it is final within the time that was promised."""

from __future__ import annotations

import time

from support.house import House
from support.waiting import eventually

STOP_SECONDS = 5


def stop_in_time(house: House, session_id: str) -> None:
    """Stop it; fails when it is not ``Canceled`` by then."""
    started = time.monotonic()
    house.client.post(f"/jobSessions/{session_id}/stop")
    eventually(
        lambda: house.client.get(f"/jobSessions/{session_id}")["status"] == "Canceled",
        within_seconds=STOP_SECONDS,
        what=lambda: str(house.client.get(f"/jobSessions/{session_id}")),
    )
    assert time.monotonic() - started < STOP_SECONDS
