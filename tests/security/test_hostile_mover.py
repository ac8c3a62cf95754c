"""A data mover in somebody else's hands: it gets what its order gives, and no more."""

from __future__ import annotations

import threading

import pytest

from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Invalid, MoverLost
from kyanite.datamover.attachments import Attachments
from kyanite.datamover.channel import Channel
from kyanite.datamover.client import no_progress, run_raw
from kyanite.datamover.fence import Fence
from kyanite.datamover.frames import PREFIX
from kyanite.datamover.launcher import Mover
from kyanite.datamover.messages import CredentialNeed, Order
from kyanite.datamover.transport import Transport, TransportClosed
from support.mover_transports import pipe_pair


class Hostile:
    """A mover and its launcher: asks for ``needs`` accesses, then sends ``raw``."""

    def __init__(self, needs: int = 0, raw: bytes = b"") -> None:
        self._near, self._far = pipe_pair()
        self._needs, self._raw = needs, raw

    def launch(self, fence: Fence) -> Mover:
        threading.Thread(target=self._run, args=(fence,), daemon=True).start()
        return self

    @property
    def transport(self) -> Transport:
        return self._near

    def kill(self) -> None:
        self._near.close()

    def ended(self, timeout_seconds: float) -> bool:
        del timeout_seconds
        return True

    def _run(self, fence: Fence) -> None:
        channel = Channel(self._far, fence)
        try:
            for number in range(self._needs):
                channel.send(CredentialNeed(number, "source", f"disk-{number}"))
            if self._raw:
                self._far.send(self._raw)
            while True:
                channel.receive(0.1)
        except TransportClosed:
            self._far.close()


def ask(hostile: Hostile, renewed: list[CredentialNeed]) -> None:
    may_go_on = threading.Event()

    def renew(need: CredentialNeed) -> SignedUrl:
        renewed.append(need)
        may_go_on.wait(20)
        return SignedUrl.parse("https://h/disk?sig=1")

    try:
        run_raw(
            Order("test", 1, {}),
            Attachments(),
            renew=renew,
            launcher=hostile,
            on_progress=no_progress,
            check=lambda: None,
        )
    finally:
        may_go_on.set()


def test_a_mover_that_asks_for_accesses_without_end_is_given_up() -> None:
    renewed: list[CredentialNeed] = []
    with pytest.raises(MoverLost, match="too many"):
        ask(Hostile(needs=1000), renewed)
    assert len(renewed) <= 2, "two are answered at a time"


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        PREFIX.pack(b"KYM1", 1 << 31, 0),
        PREFIX.pack(b"KYM1", 100_000, 0) + b"[" * 100_000,
    ],
    ids=["not a frame", "a header of gigabytes", "nested without end"],
)
def test_what_is_no_message_ends_the_run_with_a_sentence(raw: bytes) -> None:
    with pytest.raises(Invalid):
        ask(Hostile(raw=raw), [])
