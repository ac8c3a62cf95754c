"""The mover's side of the conversation while it works.

One thread listens; the work runs in others and asks here: may I go on, give me another
access, this much is done. Everything that ends the work early ends up in ``check``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from kyanite.azure.rate_limit import RateLimit
from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Cancelled, KyaniteError, LeaseLost, MoverLost
from kyanite.datamover.attachments import Attachments
from kyanite.datamover.channel import Channel
from kyanite.datamover.failures import failure_from_json, failure_to_json
from kyanite.datamover.messages import (
    Cancel,
    Credential,
    CredentialKind,
    CredentialNeed,
    DiskWritten,
    Limit,
    Order,
    Part,
    Progress,
)
from kyanite.datamover.transport import TransportClosed
from kyanite.engine.keys import RestoreKeys
from kyanite.engine.limits import Limits

PROGRESS_SECONDS: Final = 0.25
"""How often progress is told; sooner when a good part of the whole has moved."""
_TELLING_PARTS: Final = 50
_TURN_SECONDS: Final = 0.05
"""How often the listener looks up: so long the end of the work waits for it at most."""
SILENCE_SECONDS: Final = 30.0
"""An appliance that acknowledges nothing for so long is dead, frozen or replaced; what its
mover does then may collide with a successor, so it stops."""
CREDENTIAL_SECONDS: Final = 300.0
"""Longest wait for a renewed access; the appliance may be throttled by Azure meanwhile."""


class Conversation:
    """What the work sees of the appliance. Implements the engine's ``Control``."""

    def __init__(
        self,
        channel: Channel,
        on_stop: Callable[[], None] = lambda: None,
        *,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.attachments = Attachments()
        self.limit = RateLimit()  # of what is read from or written to disks
        self.limits = Limits()  # of what the engine sends to the storage
        self._channel = channel
        self._on_stop = on_stop
        self._silence_seconds = silence_seconds
        self._changed = threading.Condition()
        self._order: Order | None = None
        self._stop: KyaniteError | None = None
        self._needs = 0
        self._answers: dict[int, Credential] = {}
        self._total = 0
        self._counts = [0, 0, 0]
        self._told = Progress()
        self._told_at = 0.0
        self._over = False
        self._thread = threading.Thread(target=self._listen, name="listen", daemon=True)
        self._thread.start()

    def wait_for_order(self) -> Order:
        """The order, when it has come whole. Raises ``Interrupted``."""
        with self._changed:
            while self._order is None:
                self.check()
                self._changed.wait(PROGRESS_SECONDS)
            return self._order

    def check(self) -> None:
        """Raise what the work shall end with: mostly ``Cancelled`` or ``LeaseLost``."""
        if self._stop is not None:
            raise self._fresh_stop(self._stop)

    def expect(self, total_bytes: int) -> None:
        """So many bytes are to be processed in all."""
        with self._changed:
            self._total = total_bytes

    def advance(self, read: int = 0, processed: int = 0, stored: int = 0) -> None:
        """So many bytes more."""
        with self._changed:
            for index, count in enumerate((read, processed, stored)):
                self._counts[index] += count

    def credential(self, kind: CredentialKind, disk_id: str = "") -> SignedUrl:
        """Ask the appliance for another access and wait for it.

        Raises what the appliance says why there is none.
        """
        answer = self._ask(kind, disk_id)
        if answer.url is None:
            raise MoverLost(f"The appliance renewed the access to {kind} {disk_id} with nothing.")
        return answer.url

    def keys(self) -> RestoreKeys:
        """Ask for the keys of a restore anew, as the repository is now. Raises as above."""
        return RestoreKeys.from_bytes(self.attachments.get(self._ask("keys", "").keys))

    def _ask(self, kind: CredentialKind, disk_id: str) -> Credential:
        with self._changed:
            self._needs += 1
            number = self._needs
        try:
            self._channel.send(CredentialNeed(number, kind, disk_id))
        except TransportClosed as closed:
            raise MoverLost("The appliance has gone away.") from closed
        with self._changed:
            got = self._changed.wait_for(
                lambda: number in self._answers or self._stop is not None, CREDENTIAL_SECONDS
            )
            self.check()
            if not got:
                raise MoverLost(f"The appliance did not renew the access to {kind} {disk_id}.")
            answer = self._answers.pop(number)
        if answer.failure is not None:
            raise answer.failure
        return answer

    def tell_written(self, disk: DiskWritten) -> None:
        """A disk is whole, and need not be written again whatever becomes of this run."""
        try:
            self._channel.send(disk)
        except TransportClosed as closed:
            raise MoverLost("The appliance has gone away.") from closed

    def tell_progress(self) -> None:
        """Send the totals if they have grown."""
        with self._changed:
            read, processed, stored = self._counts
            # Pieces that are written a second time (their pack was collected) are no progress.
            done = min(processed, self._total) if self._total else processed
            now = Progress(self._total, read, done, stored)
            if now == self._told:
                return
            self._told = now
        self._channel.send(now)

    def _is_news(self) -> bool:
        """Whether it is time to tell how far the work is."""
        with self._changed:
            moved = max(
                self._counts[0] - self._told.read_bytes,
                self._counts[1] - self._told.processed_bytes,
            )
            far = 0 < self._total < _TELLING_PARTS * moved
        return far or time.monotonic() - self._told_at >= PROGRESS_SECONDS

    def end(self) -> None:
        """The work is over: stop listening, leave the channel to the caller."""
        self._over = True
        self._thread.join()

    def _listen(self) -> None:
        try:
            while not self._over:
                message = self._channel.receive(_TURN_SECONDS)
                if self._is_news():
                    self._told_at = time.monotonic()
                    self.tell_progress()
                if message is not None:
                    self._take(message)
                elif self._order is not None and (
                    # One that waits for its order collides with nobody, however long it takes.
                    self._channel.silent_seconds > self._silence_seconds
                ):
                    raise MoverLost(
                        "The data mover stopped: the appliance was silent for too long."
                    )
        except TransportClosed:
            self._stop_with(MoverLost("The appliance has gone away."))
        except KyaniteError as error:
            self._stop_with(error)

    def _take(self, message: object) -> None:
        match message:
            case Part():
                self.attachments.collect(message)
            case Order():
                with self._changed:
                    self._order = self._order or message
                    self._changed.notify_all()
            case Credential():
                with self._changed:
                    self._answers[message.number] = message
                    self._changed.notify_all()
            case Limit(rate, uploads, buffers):
                self.limit.change(rate)
                self.limits.sending.change(rate)
                self.limits.uploads.change(uploads)
                self.limits.buffers.change(buffers)
            case Cancel(lease_lost):
                self._stop_with(
                    LeaseLost("Another process has taken the session over.")
                    if lease_lost
                    else Cancelled("The session was stopped.")
                )
            case _:
                return  # a message for the other side: nothing to do with it

    def _stop_with(self, stop: KyaniteError) -> None:
        with self._changed:
            first = self._stop is None
            self._stop = self._stop or stop
            self._changed.notify_all()
        if first:
            self._on_stop()

    @staticmethod
    def _fresh_stop(stop: KyaniteError) -> KyaniteError:
        """Many threads raise it; each needs its own, or they would share one traceback."""
        return failure_from_json(failure_to_json(stop))
