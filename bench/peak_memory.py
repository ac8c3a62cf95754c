"""The most memory this process has had since its program began.

Not ``ru_maxrss``: that survives the start of a program, so a child would show what its
parent had.
"""

from __future__ import annotations

from pathlib import Path


def peak_bytes() -> int:
    """High-water mark of the resident memory, as Linux keeps it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.removesuffix("kB")) * 1024
    raise OSError("this system keeps no high-water mark of memory")
