"""The appliance's side: give a data mover its order and stay until the result is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias, overload

from kyanite.azure.pauses import Check, go_on
from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Interrupted, Invalid, KyaniteError, LeaseLost, MoverLost, Rejected
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject
from kyanite.datamover.attachments import Attachments
from kyanite.datamover.channel import Channel
from kyanite.datamover.fence import Fence
from kyanite.datamover.launcher import Launcher, LocalLauncher, Mover
from kyanite.datamover.messages import (
    Cancel,
    Credential,
    CredentialNeed,
    DiskWritten,
    Limit,
    Message,
    Order,
    Progress,
    Result,
)
from kyanite.datamover.orders import BackupOrder, BackupOutcome, RestoreOrder, RestoreOutcome
from kyanite.datamover.transport import TransportClosed
from kyanite.engine.keys import RestoreKeys

Renew: TypeAlias = Callable[[CredentialNeed], SignedUrl]
"""Makes another access; raises a ``KyaniteError`` when there is none."""
KeysAnew: TypeAlias = Callable[[], RestoreKeys]
"""Makes the keys of a restore order anew, as the repository is now."""

_TURN_SECONDS: Final = 0.2
_CANCEL_SECONDS: Final = 2.0
"""A mover that was told to stop gets so long to answer before it is killed."""
_SILENCE_SECONDS: Final = 60.0
"""A mover that sends nothing, not even an acknowledgement, for so long is lost."""
_MOST_NEEDS: Final = 256
"""Accesses that a mover may wait for at once: three for each disk of the largest machine."""
_KNOCK_SECONDS: Final = 5.0
"""How often a limit is repeated, to get an acknowledgement out of a quiet mover."""


def no_progress(progress: Progress) -> None:
    """For those who do not watch."""
    del progress


def no_disk(disk: DiskWritten) -> None:
    """For those who do not watch."""
    del disk


@dataclass(frozen=True)
class MoverAhead:
    """A mover that starts while its order is still being prepared. For one order."""

    fence: Fence
    mover: Mover


@contextmanager
def mover_ahead(epoch: int, launcher: Launcher | None = None) -> Iterator[MoverAhead]:
    """Start a mover for an order of ``epoch`` that ``run`` will give it in the block.

    In the thread that also calls ``run``. Whatever happens, it has ended after the block.
    """
    fence = Fence(new_id(), epoch)
    mover = (launcher or LocalLauncher()).launch(fence)
    try:
        yield MoverAhead(fence, mover)
    finally:
        mover.kill()


@overload
def run(
    order: BackupOrder,
    *,
    renew: Renew,
    launcher: Launcher | None = None,
    ahead: MoverAhead | None = None,
    on_progress: Callable[[Progress], None] = no_progress,
    check: Check = go_on,
    limit: Callable[[], Limit] = Limit,
) -> BackupOutcome: ...


@overload
def run(
    order: RestoreOrder,
    *,
    renew: Renew,
    keys: KeysAnew | None = None,
    launcher: Launcher | None = None,
    ahead: MoverAhead | None = None,
    on_progress: Callable[[Progress], None] = no_progress,
    on_disk: Callable[[DiskWritten], None] = no_disk,
    check: Check = go_on,
    limit: Callable[[], Limit] = Limit,
) -> RestoreOutcome: ...


def run(
    order: BackupOrder | RestoreOrder,
    *,
    renew: Renew,
    keys: KeysAnew | None = None,
    launcher: Launcher | None = None,
    ahead: MoverAhead | None = None,
    on_progress: Callable[[Progress], None] = no_progress,
    on_disk: Callable[[DiskWritten], None] = no_disk,
    check: Check = go_on,
    limit: Callable[[], Limit] = Limit,
) -> BackupOutcome | RestoreOutcome:
    """Have a data mover carry out ``order`` and return what it did.

    ``ahead`` is a mover that was started meanwhile; without it one is launched now.
    ``renew`` answers expired accesses (called in a thread of its own), ``keys`` a restore whose
    packs were moved meanwhile, ``on_progress`` gets totals that only grow, ``on_disk`` each
    restored disk once, as soon as it is whole, ``check`` is asked several times a second,
    ``limit`` is asked now and again what may be taken. Raises what the work ended with, what
    ``check`` or ``on_disk`` raised, or ``MoverLost``; whatever happens, the mover has ended on
    return.
    """
    attachments = Attachments()
    body = order.to_json(attachments)
    outcome = run_raw(
        Order(order.kind, order.epoch, body),
        attachments,
        renew=renew,
        keys=keys,
        launcher=launcher or LocalLauncher(),
        ahead=ahead,
        on_progress=on_progress,
        on_disk=on_disk,
        check=check,
        limit=limit,
    )
    if isinstance(order, BackupOrder):
        return BackupOutcome.from_json(outcome)
    return RestoreOutcome.from_json(outcome)


def run_raw(
    order: Order,
    attachments: Attachments,
    *,
    renew: Renew,
    launcher: Launcher,
    on_progress: Callable[[Progress], None],
    check: Check,
    on_disk: Callable[[DiskWritten], None] = no_disk,
    keys: KeysAnew | None = None,
    ahead: MoverAhead | None = None,
    limit: Callable[[], Limit] = Limit,
    resend_seconds: float = 1.0,
) -> JsonObject:
    """``run`` for an order that is ready for the wire."""
    check()
    if ahead is None:
        fence = Fence(new_id(), order.epoch)
        mover = launcher.launch(fence)
    else:
        fence, mover = ahead.fence, ahead.mover
    channel = Channel(mover.transport, fence, resend_seconds=resend_seconds)
    renewals = ThreadPoolExecutor(max_workers=2, thread_name_prefix="renew")
    talk = _Talk(mover, channel, renew, keys, renewals, on_progress, on_disk, limit)
    try:
        return talk.until_result(order, attachments, check)
    except TransportClosed as closed:
        raise MoverLost(
            "The data mover ended without a result; the work has to be repeated."
        ) from closed
    finally:
        mover.kill()
        # A renewal may still wait for a throttled Azure; nobody needs its answer any more.
        renewals.shutdown(wait=False, cancel_futures=True)


class _Talk:
    """One conversation with a running mover."""

    def __init__(
        self,
        mover: Mover,
        channel: Channel,
        renew: Renew,
        keys: KeysAnew | None,
        renewals: ThreadPoolExecutor,
        on_progress: Callable[[Progress], None],
        on_disk: Callable[[DiskWritten], None],
        limit: Callable[[], Limit],
    ) -> None:
        self._mover = mover
        self._channel = channel
        self._renew = renew
        self._keys = keys
        self._renewals = renewals
        self._pending: dict[int, Future[SignedUrl | RestoreKeys]] = {}
        self._on_progress = on_progress
        self._on_disk = on_disk
        self._best = Progress()
        self._limit = limit
        self._told = Limit()
        self._knocked_at = time.monotonic()

    def until_result(self, order: Order, attachments: Attachments, check: Check) -> JsonObject:
        self._tell_limit()
        for part in attachments.parts():
            self._channel.send(part)
        self._channel.send(order)
        while True:
            try:
                check()
            except Interrupted as stop:
                self._call_off(isinstance(stop, LeaseLost))
                raise
            message = self._channel.receive(_TURN_SECONDS)
            if isinstance(message, Result):
                return self._outcome(message)
            if message is not None:
                self._take(message)
            self._answer_needs()
            self._tell_limit()
            if self._channel.silent_seconds > _SILENCE_SECONDS:
                raise MoverLost("The data mover has fallen silent; the work has to be repeated.")

    def _take(self, message: Message) -> None:
        if isinstance(message, Progress):
            # A repeated or late message must never take progress back.
            best = Progress(
                max(self._best.total_bytes, message.total_bytes),
                max(self._best.read_bytes, message.read_bytes),
                max(self._best.processed_bytes, message.processed_bytes),
                max(self._best.stored_bytes, message.stored_bytes),
            )
            if best != self._best:
                self._best = best
                self._on_progress(best)
        elif isinstance(message, DiskWritten):
            self._on_disk(message)
        elif isinstance(message, CredentialNeed) and message.number not in self._pending:
            if len(self._pending) >= _MOST_NEEDS:
                raise MoverLost("The data mover asks for too many accesses; it is not trusted.")
            self._pending[message.number] = self._renewals.submit(self._answer, message)

    def _answer(self, need: CredentialNeed) -> SignedUrl | RestoreKeys:
        if need.kind != "keys":
            return self._renew(need)
        if self._keys is None:
            raise Rejected("This order has no keys of a restore.")
        return self._keys()

    def _answer_needs(self) -> None:
        for number, future in list(self._pending.items()):
            if not future.done():
                continue
            try:
                answer = self._sent(number, future.result())
            except KyaniteError as error:
                answer = Credential(number, failure=error)
            self._channel.send(answer)
            del self._pending[number]

    def _sent(self, number: int, made: SignedUrl | RestoreKeys) -> Credential:
        """The answer with what was made; keys may be large and go before it, as parts."""
        if not isinstance(made, RestoreKeys):
            return Credential(number, url=made)
        attachments = Attachments()
        digest = attachments.add(made.to_bytes())
        for part in attachments.parts():
            self._channel.send(part)
        return Credential(number, keys=digest)

    def _tell_limit(self) -> None:
        limit, now = self._limit(), time.monotonic()
        if limit != self._told or now - self._knocked_at > _KNOCK_SECONDS:
            self._told, self._knocked_at = limit, now
            self._channel.send(limit)

    def _outcome(self, result: Result) -> JsonObject:
        self._channel.acknowledge()
        self._mover.ended(_CANCEL_SECONDS)
        if result.failure is not None:
            raise result.failure
        if result.outcome is None:
            raise Invalid("The data mover sent a result without content.")
        return result.outcome

    def _call_off(self, lease_lost: bool) -> None:
        """Tell the mover to stop and give it a moment to do so in order."""
        deadline = time.monotonic() + _CANCEL_SECONDS
        try:
            self._channel.send(Cancel(lease_lost))
            while (left := deadline - time.monotonic()) > 0:
                if isinstance(self._channel.receive(min(left, _TURN_SECONDS)), Result):
                    self._channel.acknowledge()
                    return
        except (TransportClosed, LeaseLost):
            return
