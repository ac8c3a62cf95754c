"""The data mover as a process: it lives no longer than its parent and shows nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from kyanite.azure.pauses import Check, go_on
from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Cancelled, Denied, Invalid, MoverLost
from kyanite.base.json_types import JsonObject
from kyanite.datamover.attachments import Attachments
from kyanite.datamover.client import mover_ahead, no_progress, run_raw
from kyanite.datamover.fence import Fence
from kyanite.datamover.launcher import LocalLauncher, MoverProcess
from kyanite.datamover.messages import CredentialNeed, Order
from support.waiting import eventually

TESTS = Path(__file__).parents[1]


class RememberingLauncher(LocalLauncher):
    """Keeps the process it started."""

    mover: MoverProcess | None = None

    def launch(self, fence: Fence) -> MoverProcess:
        self.mover = super().launch(fence)
        return self.mover

    def process(self) -> psutil.Process:
        assert self.mover is not None
        return psutil.Process(self.mover.pid)


def refuse(need: CredentialNeed) -> SignedUrl:
    raise Denied(f"no {need.kind}")


def ask(launcher: LocalLauncher, order: Order, check: Check = go_on) -> JsonObject:
    return run_raw(
        order,
        Attachments(),
        renew=refuse,
        launcher=launcher,
        on_progress=no_progress,
        check=check,
    )


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_an_order_nobody_knows_is_refused_by_the_process_itself() -> None:
    launcher = RememberingLauncher()
    with pytest.raises(Invalid, match="no order of the kind 'nonsense'"):
        ask(launcher, Order("nonsense", 1, {}))
    assert launcher.mover is not None
    assert not alive(launcher.mover.pid)


def test_an_order_is_given_to_the_mover_that_was_started_ahead_of_it() -> None:
    launcher = RememberingLauncher()
    with mover_ahead(3, launcher) as ahead:
        pid = launcher.process().pid
        with pytest.raises(Invalid, match="no order of the kind 'nonsense'"):
            run_raw(
                Order("nonsense", 3, {}),
                Attachments(),
                renew=refuse,
                launcher=RememberingLauncher(),
                ahead=ahead,
                on_progress=no_progress,
                check=go_on,
            )
        assert not alive(pid)


def test_a_mover_whose_order_never_comes_ends_with_the_block() -> None:
    launcher = RememberingLauncher()
    with pytest.raises(Denied), mover_ahead(1, launcher):  # noqa: PT012
        pid = launcher.process().pid
        raise Denied("no disk to write to")
    assert not alive(pid)


@pytest.mark.measured
def test_a_mover_dies_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-m", "support.mover_parent"], cwd=TESTS, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    mover = int(parent.stdout.readline())
    assert alive(mover)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not alive(mover), within_seconds=5)


def test_a_killed_mover_is_reported_and_not_waited_for() -> None:
    launcher = RememberingLauncher()

    def check() -> None:
        if launcher.mover is not None:
            launcher.mover.kill()

    with pytest.raises(MoverLost):
        ask(launcher, Order("nonsense", 1, {}), check)


@pytest.mark.measured
def test_a_frozen_mover_does_not_hold_up_a_stop() -> None:
    launcher = RememberingLauncher()
    begun = time.monotonic()

    def check() -> None:
        if launcher.mover is not None:
            os.kill(launcher.mover.pid, signal.SIGSTOP)
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        ask(launcher, Order("nonsense", 1, {}), check)
    assert time.monotonic() - begun < 5
    assert launcher.mover is not None
    assert not alive(launcher.mover.pid)


def test_neither_arguments_nor_environment_of_a_mover_hold_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KYANITE_ADMIN_PASSWORD", "very secret")
    monkeypatch.setenv("KYANITE_DATABASE_URL", "postgresql://user:secret@host/db")
    launcher = RememberingLauncher()
    seen: list[str] = []

    def check() -> None:
        if launcher.mover is not None and not seen:
            # Before it closes its memory to others, the environment can still be read.
            process = launcher.process()
            seen.extend(process.cmdline())
            try:
                seen.extend(f"{name}={value}" for name, value in process.environ().items())
            except psutil.AccessDenied:
                seen.append("environment is private")

    with pytest.raises(Invalid):
        ask(launcher, Order("nonsense", 1, {"key": "secret of the order"}), check)
    assert seen
    assert not any("secret" in text for text in seen)


@pytest.mark.measured
def test_a_mover_that_reads_nothing_does_not_hold_up_a_stop() -> None:
    launcher = RememberingLauncher()
    attachments = Attachments()
    attachments.add(b"x" * 40_000_000)
    turns, begun = [0], time.monotonic()

    def check() -> None:
        turns[0] += 1
        if turns[0] == 2 and launcher.mover is not None:
            os.kill(launcher.mover.pid, signal.SIGSTOP)
        if turns[0] > 4:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        run_raw(
            Order("nonsense", 1, {}),
            attachments,
            renew=refuse,
            launcher=launcher,
            on_progress=no_progress,
            check=check,
        )
    assert time.monotonic() - begun < 8
