"""Space that is asked for at once changes nothing for readers, and never fails."""

from __future__ import annotations

import os
from pathlib import Path

from kyanite.base.file_space import set_aside
from kyanite.base.units import MIB


def test_a_file_is_as_long_and_reads_as_before(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file:
        file.write(b"before")
        file.flush()
        set_aside(file.fileno(), 0, 4 * MIB)
        set_aside(file.fileno(), 64 * MIB, MIB)
        assert os.fstat(file.fileno()).st_blocks * 512 >= 5 * MIB
    assert (tmp_path / "file").read_bytes() == b"before"


def test_what_cannot_be_had_is_left_to_the_write(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file:
        set_aside(file.fileno(), 0, 1 << 62)
        set_aside(file.fileno(), 0, -1)
    with (tmp_path / "file").open("rb") as file:
        set_aside(file.fileno(), 0, MIB)  # open for reading only
    assert (tmp_path / "file").stat().st_size == 0
