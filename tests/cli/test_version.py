"""``kyanite --version``: what a report of a fault should name."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_command_says_its_version() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "kyanite", "--version"], capture_output=True, text=True, check=True
    )
    version = tomllib.loads(PROJECT.read_text())["project"]["version"]
    assert said.stdout == f"kyanite {version}\n"
