"""The most memory this process has had since its program began, or since it was forgotten.

Not ``ru_maxrss``: that survives the start of a program, so a child would show what its
parent had.
"""

from __future__ import annotations

from pathlib import Path


def peak_bytes() -> int:
    """High-water mark of the resident memory, as Linux keeps it."""
    return _memory("VmHWM")


def forget_peak() -> int:
    """Begin anew with what is resident now, which is returned."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _memory("VmRSS")


def _memory(what: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == what:
            return int(value.removesuffix("kB")) * 1024
    raise OSError(f"this system does not say {what}")
