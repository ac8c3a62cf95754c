"""What a process of the appliance does to itself before it holds a secret."""

from __future__ import annotations

import os
import resource

_OWNER_ONLY = 0o077


def keep_private() -> None:
    """Files made from now on are their owner's alone, and a crash writes no memory to a disk."""
    os.umask(_OWNER_ONLY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
