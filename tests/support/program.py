"""A program of the appliance as a process tree that can be stopped, killed and looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from support.lifetime import end_with_parent


class Program:
    """``kyanite serve`` or ``kyanite worker`` as a process tree of its own."""

    def __init__(self, arguments: list[str], settings: Mapping[str, str], log: Path) -> None:
        self._arguments = arguments
        self._settings = dict(settings)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it (again)."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kyanite", *self._arguments],
                env={**os.environ, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    @property
    def pid(self) -> int:
        """Of the program itself, not of its children."""
        assert self._process is not None
        return self._process.pid

    @property
    def movers(self) -> list[psutil.Process]:
        """The data movers that run below it."""
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.pid).children(recursive=True)
            return [child for child in children if "kyanite.datamover" in _words(child)]
        return []

    @property
    def is_running(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process is not None and self._process.poll() is None

    def kill_tree(self) -> None:
        """SIGKILL to the program and everything below it, at once."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, signal.SIGKILL)
            for child in family:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        process.wait()

    def kill_alone(self) -> None:
        """SIGKILL to the program only; its children have to notice by themselves."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(timeout=40)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def output(self) -> str:
        """Everything it has written to its log."""
        return self._log.read_text(errors="replace")


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return list(process.cmdline())
    return []
