"""A mover alone with its appliance: silence, ends of pipes, limits."""

from __future__ import annotations

import threading
import time

import pytest

from kyanite.azure.rate_limit import RateLimit
from kyanite.base.errors import Cancelled, KyaniteError, MoverLost
from kyanite.base.units import MIB
from kyanite.datamover.channel import Channel
from kyanite.datamover.conversation import Conversation
from kyanite.datamover.fence import Fence
from kyanite.datamover.messages import Cancel, Order
from support.mover_transports import pipe_pair
from support.waiting import eventually

FENCE = Fence("run", 1)


def stopped_with(conversation: Conversation) -> KyaniteError | None:
    try:
        conversation.check()
    except KyaniteError as error:
        return error
    return None


def test_a_mover_whose_appliance_falls_silent_stops() -> None:
    near, far = pipe_pair()
    conversation = Conversation(Channel(far, FENCE), silence_seconds=0.3)
    Channel(near, FENCE).send(Order("backup", 1, {}))
    assert isinstance(eventually(lambda: stopped_with(conversation)), MoverLost)
    near.close()


def test_a_mover_waits_for_its_order_as_long_as_its_appliance_lives() -> None:
    near, far = pipe_pair()
    conversation = Conversation(Channel(far, FENCE), silence_seconds=0.0)
    orders: list[Order] = []
    waiting = threading.Thread(target=lambda: orders.append(conversation.wait_for_order()))
    waiting.start()
    waiting.join(0.3)
    Channel(near, FENCE).send(Order("backup", 1, {}))
    waiting.join(60)
    assert [order.kind for order in orders] == ["backup"]
    near.close()


@pytest.mark.measured
def test_a_mover_whose_appliance_is_gone_stops_at_once() -> None:
    near, far = pipe_pair()
    conversation = Conversation(Channel(far, FENCE))
    near.close()
    assert isinstance(eventually(lambda: stopped_with(conversation), within_seconds=2), MoverLost)


def test_who_waits_for_an_access_is_woken_by_a_stop() -> None:
    near, far = pipe_pair()
    conversation = Conversation(Channel(far, FENCE))
    ended: list[KyaniteError] = []

    def work() -> None:
        try:
            conversation.credential("source", "disk")
        except KyaniteError as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    Channel(near, FENCE).send(Cancel())
    thread.join(60)
    assert isinstance(ended[0], Cancelled)
    near.close()


@pytest.mark.measured
def test_a_limit_holds_over_many_requests_and_changes_at_once() -> None:
    limit = RateLimit(10 * MIB)
    begun = time.monotonic()
    for _ in range(10):
        limit.take(MIB)
    assert 0.4 <= time.monotonic() - begun < 3
    limit.change(None)
    begun = time.monotonic()
    limit.take(1000 * MIB)
    assert time.monotonic() - begun < 0.1


def test_waiting_for_a_limit_can_be_called_off() -> None:
    limit = RateLimit(1)

    def check() -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        limit.take(MIB, check)
