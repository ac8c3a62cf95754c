"""``python -m kyanite.datamover --run ID --epoch N --parent PID``: one order over stdin and stdout.

Nothing secret is in the arguments: the order comes through the pipe. The process ends with
its parent: the kernel is asked to kill it, and an end of the pipe ends it as well.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

import click

from kyanite.base import interpreter
from kyanite.base.redaction import redacted_text
from kyanite.datamover.fence import Fence
from kyanite.datamover.mover import serve_one_order
from kyanite.datamover.transport import PipeTransport
from kyanite.engine.index_cache import CACHE_VARIABLE, keep_caches_in

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_STOP_SECONDS: Final = 1.5
"""Work that was called off has so long to notice; a copy must stop within two seconds."""


@click.command()
@click.option("--run", required=True, help="Name of this run, stamped on every message.")
@click.option("--epoch", required=True, type=int, help="Epoch of the session.")
@click.option("--parent", required=True, type=int, help="Process id of the appliance.")
def main(run: str, epoch: int, parent: int) -> None:
    """Carry out one order that comes through standard input."""
    _die_with(parent)
    _keep_memory_private()
    _redact_tracebacks()
    if folder := os.environ.get(CACHE_VARIABLE):
        keep_caches_in(Path(folder))
    interpreter.set_up()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the appliance, which cancels
    read_fd, write_fd = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)  # whatever prints must not end up between the frames
    transport = PipeTransport(read_fd, write_fd)
    _get_ready()
    serve_one_order(transport, Fence(run, epoch), on_stop=_stop_soon)
    sys.stderr.flush()
    os._exit(0)  # threads of an interrupted copy may still sit in a request


def _get_ready() -> None:
    """Load what every order needs while this one is still being prepared."""
    import kyanite.datamover.backup_work  # noqa: F401


def _die_with(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def _keep_memory_private() -> None:
    """No core dumps and no debugger: the memory holds keys."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _redact_tracebacks() -> None:
    """What nobody foresaw is printed to the appliance's log, without what it may quote."""

    def on_error(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        print(redacted_text(text), file=sys.stderr, flush=True)

    sys.excepthook = on_error
    threading.excepthook = lambda thrown: on_error(
        thrown.exc_type, thrown.exc_value, thrown.exc_traceback
    )


def _stop_soon() -> None:
    timer = threading.Timer(_STOP_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
