"""Transports between an appliance and a data mover that runs in a thread of the test."""

from __future__ import annotations

import heapq
import os
import random
import threading
import time
from collections.abc import Callable

from kyanite.datamover.fence import Fence
from kyanite.datamover.mover import Work, serve_one_order
from kyanite.datamover.transport import PipeTransport, Transport, TransportClosed


class Mailbox:
    """One direction of a bad network: frames get lost, repeated, delayed and overtaken."""

    def __init__(self, seed: int, loss: float, repeat: float, delay_seconds: float) -> None:
        self._random = random.Random(seed)
        self._loss, self._repeat, self._delay_seconds = loss, repeat, delay_seconds
        self._changed = threading.Condition()
        self._frames: list[tuple[float, int, bytes]] = []
        self._count = 0
        self.closed = False

    def put(self, frame: bytes) -> None:
        with self._changed:
            copies = 0 if self._random.random() < self._loss else 1
            copies += self._random.random() < self._repeat
            for _ in range(copies):
                due = time.monotonic() + self._random.uniform(0, self._delay_seconds)
                self._count += 1
                heapq.heappush(self._frames, (due, self._count, frame))
            self._changed.notify_all()

    def take(self, timeout_seconds: float) -> bytes | None:
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while True:
                now = time.monotonic()
                if self._frames and self._frames[0][0] <= now:
                    return heapq.heappop(self._frames)[2]
                if self.closed and not self._frames:
                    raise TransportClosed
                until = min(deadline, self._frames[0][0]) if self._frames else deadline
                if now >= deadline:
                    return None
                self._changed.wait(max(0.0, until - now))


class BadTransport:
    """One end of two mailboxes."""

    lossless = False

    def __init__(self, inbox: Mailbox, outbox: Mailbox) -> None:
        self.inbox, self.outbox = inbox, outbox

    def send(self, frame: bytes) -> None:
        self.outbox.put(frame)

    def receive(self, timeout_seconds: float) -> bytes | None:
        return self.inbox.take(timeout_seconds)

    def close(self) -> None:
        self.outbox.closed = True


TransportPair = Callable[[], tuple[Transport, Transport]]


def pipe_pair() -> tuple[Transport, Transport]:
    """Two ends of two real pipes."""
    there, back = os.pipe(), os.pipe()
    return PipeTransport(back[0], there[1]), PipeTransport(there[0], back[1])


def bad_pair(seed: int = 7) -> tuple[Transport, Transport]:
    """A fifth is lost, a fifth comes twice, everything is late."""
    there, back = Mailbox(seed, 0.2, 0.2, 0.03), Mailbox(seed + 1, 0.2, 0.2, 0.03)
    return BadTransport(back, there), BadTransport(there, back)


class ThreadMover:
    """A data mover in a thread."""

    def __init__(self, near: Transport, far: Transport, fence: Fence, work: Work) -> None:
        self._near, self._far = near, far
        self._thread = threading.Thread(target=self._serve, args=(fence, work), daemon=True)
        self._thread.start()

    def _serve(self, fence: Fence, work: Work) -> None:
        serve_one_order(self._far, fence, work, resend_seconds=0.05)
        self._far.close()

    @property
    def transport(self) -> Transport:
        return self._near

    def kill(self) -> None:
        self._near.close()

    def ended(self, timeout_seconds: float) -> bool:
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()


class ThreadLauncher:
    """Launches movers that do ``work`` over transports of one kind."""

    def __init__(self, pair: TransportPair, work: Work) -> None:
        self._pair, self._work = pair, work
        self.fences: list[Fence] = []
        self.nears: list[Transport] = []
        self.movers: list[ThreadMover] = []

    def launch(self, fence: Fence) -> ThreadMover:
        near, far = self._pair()
        self.fences.append(fence)
        self.nears.append(near)
        mover = ThreadMover(near, far, fence, self._work)
        self.movers.append(mover)
        return mover
