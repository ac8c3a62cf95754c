"""Everything in the tree that a program has written: is it up to date? With --write: make it so."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WRITERS = (
    [sys.executable, "tools/generate_contract.py"],
    [sys.executable, "tools/format_costs.py"],
    [sys.executable, "tools/operations_table.py"],
    [sys.executable, "-m", "azlab", "coverage"],
)


def main() -> int:
    """Exit status 1 when a generated file is not what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write them anew")
    write = parser.parse_args().write
    failed = [
        command
        for command in WRITERS
        if subprocess.run(command if write else [*command, "--check"], cwd=ROOT).returncode
    ]
    for command in failed:
        print(f"not up to date: {' '.join(command[1:])}; run `make generate`", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
