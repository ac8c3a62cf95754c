"""The protocol of the data mover, over a pipe and over a network that does its worst."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

import pytest

from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Cancelled, Denied, Gone, LeaseLost, MoverLost, Throttled
from kyanite.base.json_types import JsonObject, as_text
from kyanite.datamover.asked_keys import AskedKeys
from kyanite.datamover.attachments import Attachments
from kyanite.datamover.channel import Channel
from kyanite.datamover.client import KeysAnew, no_disk, no_progress, run_raw
from kyanite.datamover.conversation import Conversation
from kyanite.datamover.fence import Fence
from kyanite.datamover.frames import Frame
from kyanite.datamover.messages import (
    CredentialNeed,
    DiskWritten,
    Limit,
    Message,
    Order,
    Progress,
    Result,
    encode_message,
)
from kyanite.datamover.mover import Work
from kyanite.datamover.transport import Transport
from kyanite.engine.keys import RestoreKeys
from support.mover_transports import (
    ThreadLauncher,
    ThreadMover,
    TransportPair,
    bad_pair,
    pipe_pair,
)
from support.waiting import eventually

pytestmark = pytest.mark.parametrize("pair", [pipe_pair, bad_pair], ids=["pipe", "bad-network"])


def refuse(need: CredentialNeed) -> SignedUrl:
    raise Denied("no access")


def ask(
    launcher: ThreadLauncher,
    *,
    epoch: int = 3,
    attachments: Attachments | None = None,
    body: JsonObject | None = None,
    renew: Callable[[CredentialNeed], SignedUrl] = refuse,
    on_progress: Callable[[Progress], None] = no_progress,
    check: Callable[[], None] = lambda: None,
    limit: Callable[[], Limit] = Limit,
    keys: KeysAnew | None = None,
    on_disk: Callable[[DiskWritten], None] = no_disk,
) -> JsonObject:
    return run_raw(
        Order("test", epoch, body or {}),
        attachments or Attachments(),
        renew=renew,
        launcher=launcher,
        on_progress=on_progress,
        check=check,
        limit=limit,
        keys=keys,
        on_disk=on_disk,
        resend_seconds=0.05,
    )


def run_until_stopped(conversation: Conversation) -> None:
    while True:
        conversation.check()
        time.sleep(0.01)


def test_an_order_is_carried_out_and_its_outcome_comes_back(pair: TransportPair) -> None:
    def work(order: Order, conversation: Conversation) -> JsonObject:
        return {"echo": order.body["word"], "epoch": order.epoch}

    outcome = ask(ThreadLauncher(pair, work), body={"word": "hello"})
    assert outcome == {"echo": "hello", "epoch": 3}


def test_large_things_arrive_by_reference_byte_for_byte(pair: TransportPair) -> None:
    attachments = Attachments()
    large = hashlib.shake_256(b"seed").digest(5_000_000)
    references = [attachments.add(large), attachments.add(b"small"), attachments.add(b"")]

    def work(order: Order, conversation: Conversation) -> JsonObject:
        got = [conversation.attachments.get(reference) for reference in references]
        return {"equal": got == [large, b"small", b""]}

    assert ask(ThreadLauncher(pair, work), attachments=attachments) == {"equal": True}


def test_progress_only_grows_and_ends_at_what_was_done(pair: TransportPair) -> None:
    def work(order: Order, conversation: Conversation) -> JsonObject:
        conversation.expect(100)
        for _ in range(10):
            conversation.advance(read=20, processed=10, stored=5)
            conversation.tell_progress()
        return {}

    seen: list[Progress] = []
    ask(ThreadLauncher(pair, work), on_progress=seen.append)
    assert seen[-1] == Progress(100, 200, 100, 50)
    assert seen == sorted(seen, key=lambda progress: progress.processed_bytes)


def test_each_disk_that_is_whole_is_told_once_and_in_order(pair: TransportPair) -> None:
    disks = [DiskWritten(f"/disks/{number}", number << 33, number) for number in range(5)]

    def work(order: Order, conversation: Conversation) -> JsonObject:
        for disk in disks:
            conversation.tell_written(disk)
        return {}

    told: list[DiskWritten] = []
    ask(ThreadLauncher(pair, work), on_disk=told.append)
    assert told == disks


def test_an_expired_access_is_renewed_by_the_appliance(pair: TransportPair) -> None:
    def work(order: Order, conversation: Conversation) -> JsonObject:
        return {"url": conversation.credential("source", "disk-1").reveal()}

    needs: list[CredentialNeed] = []

    def renew(need: CredentialNeed) -> SignedUrl:
        needs.append(need)
        return SignedUrl.parse("https://host/disk?sig=new")

    assert ask(ThreadLauncher(pair, work), renew=renew) == {"url": "https://host/disk?sig=new"}
    assert [(need.kind, need.disk_id) for need in needs] == [("source", "disk-1")]


def test_keys_of_a_restore_are_made_anew_by_the_appliance(pair: TransportPair) -> None:
    known = RestoreKeys(
        b"r" * 16,
        b"i" * 32,
        b"m" * 32,
        {number.to_bytes(16, "little"): b"k" * 32 for number in range(50_000)},
    )

    def work(order: Order, conversation: Conversation) -> JsonObject:
        asked = AskedKeys({}, conversation.keys)
        missing = asked.get(b"no such pack....")
        return {"same": dict(asked) == dict(known.pack_keys), "none": missing is None}

    answers = ask(ThreadLauncher(pair, work), keys=lambda: known)
    assert answers == {"same": True, "none": True}


def test_without_keys_made_anew_a_pack_stays_closed(pair: TransportPair) -> None:
    def work(order: Order, conversation: Conversation) -> JsonObject:
        return {"none": AskedKeys({}, conversation.keys).get(b"p" * 16) is None}

    assert ask(ThreadLauncher(pair, work)) == {"none": True}


def test_the_reason_why_an_access_is_not_renewed_reaches_the_result(pair: TransportPair) -> None:
    def work(order: Order, conversation: Conversation) -> JsonObject:
        conversation.credential("storage")
        return {}

    def renew(need: CredentialNeed) -> SignedUrl:
        raise Gone("The storage account is gone.", code="ResourceNotFound", status=404)

    with pytest.raises(Gone, match="The storage account is gone") as caught:
        ask(ThreadLauncher(pair, work), renew=renew)
    assert (caught.value.code, caught.value.status) == ("ResourceNotFound", 404)


def test_an_error_of_the_work_is_the_same_error_in_the_appliance(pair: TransportPair) -> None:
    def work(order: Order, conversation: Conversation) -> JsonObject:
        raise Throttled("Slow down.", code="ServerBusy", status=503, retry_after_seconds=7.5)

    with pytest.raises(Throttled, match=r"Slow down\.") as caught:
        ask(ThreadLauncher(pair, work))
    assert caught.value.retry_after_seconds == 7.5


@pytest.mark.measured
def test_cancelling_stops_the_work_within_two_seconds(pair: TransportPair) -> None:
    started, stopped = threading.Event(), threading.Event()

    def work(order: Order, conversation: Conversation) -> JsonObject:
        started.set()
        try:
            run_until_stopped(conversation)
        finally:
            stopped.set()
        return {}

    def check() -> None:
        if started.is_set():
            raise Cancelled("stopped by the test")

    begun = time.monotonic()
    with pytest.raises(Cancelled, match="stopped by the test"):
        ask(ThreadLauncher(pair, work), check=check)
    assert stopped.wait(2)
    assert time.monotonic() - begun < 5


def test_a_limit_is_changed_while_the_work_goes_on(pair: TransportPair) -> None:
    taken = threading.Event()

    def work(order: Order, conversation: Conversation) -> JsonObject:
        conversation.limit.take(500)
        with conversation.limits.uploads, conversation.limits.buffers:
            assert not conversation.limits.uploads.take(0.0)
            assert not conversation.limits.buffers.take(0.0)
            taken.set()
            # For ever under the first limit: so many at once, and hours of bandwidth.
            with conversation.limits.uploads, conversation.limits.buffers:
                conversation.limit.take(10_000_000)
        return {"done": True}

    def limit() -> Limit:
        return Limit() if taken.is_set() else Limit(1000, uploads=1, buffers=1)

    assert ask(ThreadLauncher(pair, work), limit=limit) == {"done": True}


def test_frames_of_an_older_epoch_are_refused_by_the_mover(pair: TransportPair) -> None:
    launched: list[Transport] = []
    may_end = threading.Event()

    def work(order: Order, conversation: Conversation) -> JsonObject:
        assert may_end.wait(10)
        return {"body": order.body}

    launcher = ThreadLauncher(pair, work)

    def check() -> None:
        if launcher.nears and not launched:
            launched.append(launcher.nears[0])
            for run in (launcher.fences[0].run, "another run"):
                kind, body, payload = encode_message(Order("test", 2, {"stale": True}))
                stale = Frame(run, 2, 1, 0, kind, body, payload)
                for _ in range(20):  # some of them arrive even where a fifth is lost
                    launched[0].send(stale.encode())
            may_end.set()

    assert ask(launcher, check=check, body={"stale": False}) == {"body": {"stale": False}}


def test_a_mover_that_hears_a_newer_epoch_stops(pair: TransportPair) -> None:
    started, lost = threading.Event(), threading.Event()

    def work(order: Order, conversation: Conversation) -> JsonObject:
        started.set()
        try:
            run_until_stopped(conversation)
        except LeaseLost:
            lost.set()
            raise
        return {}

    launcher = ThreadLauncher(pair, work)

    def check() -> None:
        if started.is_set() and not lost.is_set():
            newer = Fence(launcher.fences[0].run, 4)
            kind, body, payload = encode_message(Limit(None))
            launcher.nears[0].send(Frame(newer.run, 4, 1, 0, kind, body, payload).encode())

    with pytest.raises(LeaseLost):
        ask(launcher, check=check)
    assert lost.is_set()


def test_an_order_of_another_epoch_than_the_movers_is_refused(pair: TransportPair) -> None:
    def work(order: Order, conversation: Conversation) -> JsonObject:
        raise AssertionError("it must not be carried out")

    near, far = pair()
    fence = Fence("run", 3)
    mover = ThreadMover(near, far, fence, work)
    channel = Channel(near, fence, resend_seconds=0.05)
    channel.send(Order("test", 2, {}))
    answers: list[Message] = []

    def answered() -> bool:
        message = channel.receive(0.1)
        answers.extend([message] if message is not None else [])
        return any(isinstance(answer, Result) for answer in answers)

    eventually(answered)
    result = answers[-1]
    assert isinstance(result, Result)
    assert "epoch 2" in str(result.failure)
    channel.acknowledge()
    mover.kill()


def test_a_mover_that_dies_is_reported_as_lost(pair: TransportPair) -> None:
    def dying() -> tuple[Transport, Transport]:
        near, far = pair()
        far.close()
        return near, far

    def work(order: Order, conversation: Conversation) -> JsonObject:
        return {}

    with pytest.raises(MoverLost, match="ended without a result"):
        ask(ThreadLauncher(dying, work))


def as_work(function: Callable[[], JsonObject]) -> Work:
    def work(order: Order, conversation: Conversation) -> JsonObject:
        return function()

    return work


def test_a_second_order_in_a_row_gets_a_mover_of_its_own(pair: TransportPair) -> None:
    launcher = ThreadLauncher(pair, as_work(lambda: {"n": 1}))
    assert [ask(launcher), ask(launcher, epoch=4)] == [{"n": 1}, {"n": 1}]
    assert len({fence.run for fence in launcher.fences}) == 2
    assert as_text(launcher.fences[1].run)
