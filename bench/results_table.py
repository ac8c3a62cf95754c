"""Figures beside the promises they are measured against."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured thing. ``kept`` is ``None`` where nothing was promised."""

    name: str
    measured: str
    promise: str = ""
    kept: bool | None = None


def show(console: Console, title: str, figures: Sequence[Figure]) -> None:
    """Print one table."""
    table = Table("what", "measured", "promised", "kept", title=title)
    for figure in figures:
        kept = {True: "yes", False: "NO", None: ""}[figure.kept]
        table.add_row(figure.name, figure.measured, figure.promise, kept)
    console.print(table)


def write(name: str, figures: Sequence[Figure]) -> Path:
    """Write the figures of one benchmark; returns the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {
        "benchmark": name,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": platform.platform(),
        "figures": [asdict(figure) for figure in figures],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path
