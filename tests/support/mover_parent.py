"""A small appliance for tests: starts a mover, prints its pid, and waits to be killed.

Run as ``python -m support.mover_parent`` from the folder ``tests``.
"""

from __future__ import annotations

import time

from kyanite.datamover.fence import Fence
from kyanite.datamover.launcher import LocalLauncher


def main() -> None:
    """Start a mover and do nothing more."""
    mover = LocalLauncher().launch(Fence("run", 1))
    print(mover.pid, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main()
