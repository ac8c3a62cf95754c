"""Messages in order and at least once, over a transport that guarantees nothing.

Frames are numbered; the receiver acknowledges, drops repetitions and waits for gaps to be
filled; the sender repeats what is not acknowledged, a few frames at a time. A message is
delivered to the program once, in order, as long as either side lives; a program that was
restarted in between may see it again, so messages are made harmless when repeated.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

from kyanite.base.errors import LeaseLost
from kyanite.datamover.fence import Fence, Verdict
from kyanite.datamover.frames import Frame
from kyanite.datamover.messages import Message, decode_message, encode_message
from kyanite.datamover.transport import Transport, TransportClosed

_WINDOW_FRAMES: Final = 8
"""Frames under way at once. With payloads of 1 MiB this bounds what a receiver buffers."""


class Channel:
    """One side of a conversation. ``send`` from any thread; ``receive`` from one."""

    def __init__(self, transport: Transport, fence: Fence, *, resend_seconds: float = 1.0) -> None:
        self._transport = transport
        self._fence = fence
        self._resend_seconds = resend_seconds
        self._lock = threading.RLock()
        self._next_sequence = 1
        self._outbox: deque[Frame] = deque()
        self._under_way: dict[int, tuple[Frame, float]] = {}
        self._received = 0
        self._early: dict[int, Frame] = {}
        self._inbox: deque[Message] = deque()
        self._heard_at = time.monotonic()
        self.refused_frames = 0
        """Frames of other runs or older epochs; for tests and logs."""

    @property
    def silent_seconds(self) -> float:
        """How long nothing has been heard from the other side."""
        return time.monotonic() - self._heard_at

    def send(self, message: Message) -> None:
        """Take a message for delivery; does not wait for it. Raises ``TransportClosed``."""
        kind, body, payload = encode_message(message)
        with self._lock:
            frame = Frame(
                self._fence.run,
                self._fence.epoch,
                self._next_sequence,
                self._received,
                kind,
                body,
                payload,
            )
            self._next_sequence += 1
            self._outbox.append(frame)
            self._transmit()

    def receive(self, timeout_seconds: float) -> Message | None:
        """The next message, or ``None`` when none came in time.

        Raises ``TransportClosed``, and ``LeaseLost`` when a newer epoch has spoken.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            with self._lock:
                if self._inbox:
                    return self._inbox.popleft()
                self._transmit()
            left = deadline - time.monotonic()
            if left < 0:
                return None
            data = self._transport.receive(min(left, self._resend_seconds / 2))
            if data is not None:
                self._take(data)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything sent has been acknowledged; ``False`` if it was not in time.

        What arrives meanwhile stays to be received.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            with self._lock:
                self._transmit()
                if not self._outbox and not self._under_way:
                    return True
            if time.monotonic() > deadline:
                return False
            data = self._transport.receive(min(0.05, self._resend_seconds))
            if data is not None:
                self._take(data)

    def acknowledge(self) -> None:
        """Tell once more what has been received: the last word before leaving."""
        with self._lock:
            self._send_acknowledgement()

    def _transmit(self) -> None:
        """Send what the window allows, and again what has not been acknowledged in time."""
        now = time.monotonic()
        for sequence, (frame, sent_at) in self._under_way.items():
            if not self._transport.lossless and now - sent_at >= self._resend_seconds:
                self._under_way[sequence] = (frame, now)
                self._transport.send(frame.encode())
        while self._outbox and len(self._under_way) < _WINDOW_FRAMES:
            frame = self._outbox.popleft()
            self._under_way[frame.sequence] = (frame, now)
            self._transport.send(frame.encode())

    def _take(self, data: bytes) -> None:
        frame = Frame.decode(data)
        verdict = self._fence.judge(frame.run, frame.epoch)
        if verdict is Verdict.REPLACED:
            raise LeaseLost(f"Epoch {frame.epoch} has taken over from {self._fence.epoch}.")
        with self._lock:
            if verdict is Verdict.STALE:
                self.refused_frames += 1
                return
            self._heard_at = time.monotonic()
            for sequence in [n for n in self._under_way if n <= frame.acknowledged]:
                del self._under_way[sequence]
            if frame.sequence == 0:
                return
            if self._received < frame.sequence <= self._received + 2 * _WINDOW_FRAMES:
                self._early[frame.sequence] = frame
            while (ready := self._early.pop(self._received + 1, None)) is not None:
                self._received += 1
                self._inbox.append(decode_message(ready.kind, ready.body or {}, ready.payload))
            self._send_acknowledgement()

    def _send_acknowledgement(self) -> None:
        bare = Frame(self._fence.run, self._fence.epoch, 0, self._received)
        try:
            self._transport.send(bare.encode())
        except TransportClosed:
            # The next receive finds out; messages that came before the end still count.
            return
