"""Starts data movers as processes on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final, Protocol

from kyanite.base.units import MIB
from kyanite.datamover.fence import Fence
from kyanite.datamover.transport import PipeTransport, Transport
from kyanite.engine.index_cache import CACHE_VARIABLE, caches_folder

_PASSED_ON: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""Of the appliance's environment only these: the others may hold secrets."""
_MEMORY: Final = {
    # Two arenas instead of eight a core, or the freed buffers of 30 threads add up.
    "MALLOC_ARENA_MAX": "2",
    # Buffers of up to 32 MiB are used again rather than given back and zeroed anew by the
    # kernel: half of a restore's CPU time. What is free beyond 64 MiB is given back.
    "MALLOC_MMAP_THRESHOLD_": str(32 * MIB),
    "MALLOC_TRIM_THRESHOLD_": str(64 * MIB),
}


class Mover(Protocol):
    """A running data mover."""

    @property
    def transport(self) -> Transport:
        """The way to it."""
        ...

    def kill(self) -> None:
        """End it at once. Ending it twice is fine."""
        ...

    def ended(self, timeout_seconds: float) -> bool:
        """Whether it has ended, or does in that time."""
        ...


class Launcher(Protocol):
    """Starts data movers, here or elsewhere."""

    def launch(self, fence: Fence) -> Mover:
        """Start one for a run."""
        ...


class MoverProcess:
    """A data mover on this machine."""

    def __init__(self, process: subprocess.Popen[bytes], transport: PipeTransport) -> None:
        self._process = process
        self._transport = transport

    @property
    def transport(self) -> Transport:
        return self._transport

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._transport.close()

    def ended(self, timeout_seconds: float) -> bool:
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def _cache() -> dict[str, str]:
    """Movers on this machine share the caches of the appliance: what one has read of an index
    the next one need not."""
    folder = caches_folder()
    return {} if folder is None else {CACHE_VARIABLE: str(folder)}


class LocalLauncher:
    """Starts ``python -m kyanite.datamover`` as a child of this process.

    The child dies with the thread that started it (that is how Linux counts parents), so
    the thread that launches also waits for the result; ``client.run`` does both.
    """

    def launch(self, fence: Fence) -> MoverProcess:
        command = [
            sys.executable,
            "-m",
            "kyanite.datamover",
            "--run",
            fence.run,
            "--epoch",
            str(fence.epoch),
            "--parent",
            str(os.getpid()),
        ]
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | _MEMORY | _cache(),
            close_fds=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        transport = PipeTransport(os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno()))
        process.stdout.close()
        process.stdin.close()
        return MoverProcess(process, transport)
