"""A port for a server that has to be told one."""

from __future__ import annotations

import random
import socket
from typing import Final

_LOWEST: Final = 10_000
_HIGHEST: Final = 32_767
"""The next one is the first that Linux takes for outgoing connections: while a server that was
killed is down, any client on the machine could get such a port, and the server not come back."""
_TRIES: Final = 200


def free_port() -> int:
    """A port of the loopback interface on which nobody listens now.

    Chosen at random, so that two runs of the tests at the same time do not meet.
    """
    for _ in range(_TRIES):
        port = random.SystemRandom().randint(_LOWEST, _HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
