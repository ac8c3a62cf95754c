"""The acceptance checks of docs/behaviour, and the tests that bear their numbers.

A test of a check is marked ``@pytest.mark.acceptance("sessions", 3)``: file and number. Checks of
operations that do not exist yet are named in ``LATER`` with an operation each waits for; with
--missing only those are printed that have neither.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
BEHAVIOUR: Final = ROOT / "docs" / "behaviour"
_NUMBER: Final = re.compile(r"(?:^|(?<=\s))(\d{1,2})\. ")
_MARK: Final = "pytest.mark.acceptance"

Check = tuple[str, int]
"""File below docs/behaviour without its ending, and number."""

LATER: Final[Mapping[str, Mapping[int, str]]] = {
    "accounts-and-users": {},
    "api-conventions": {},
    "appliance": {
        1: "ConfigurationBackup_UpdateConfigurationBackupSettings",
        2: "ConfigurationBackup_Backup",
    },
    "azure-sql": dict.fromkeys(range(1, 13), "SqlPolicy_CreatePolicy"),
    "cosmos-db": dict.fromkeys(range(1, 13), "CosmosDbPolicy_CreatePolicy"),
    "file-shares": dict.fromkeys(range(1, 11), "FileSharePolicy_CreatePolicy"),
    "virtual-machines": {
        6: "VmProtectionPolicy_CreatePolicy",
        12: "VirtualMachineRestorePoint_StartFlr",
        13: "VirtualMachineRestorePoint_RetrieveData",
        15: "CostEstimation_CalculateCostEstimation",
    },
    "virtual-networks": dict.fromkeys(range(1, 13), "VnetPolicy_StartPolicy"),
    "workers": dict.fromkeys(range(1, 10), "Worker_GetWorkers"),
}
"""File → number → an operation without which the check says nothing."""

REFUSED: Final[Mapping[Check, str]] = {
    ("virtual-machines", 9): "health checks by policy are refused with a sentence",
}
"""Checks of members that operations which exist still refuse."""

REST: Final[Mapping[Check, str]] = {
    ("appliance", 6): "databases",
    ("sessions", 3): "workers in Azure",
    ("virtual-machines", 1): "examples B to E: weekly and rarer schedules are refused",
    ("virtual-machines", 14): "deletions in batches",
}
"""What the tests of a check leave out, because it is not there yet."""


@dataclass(frozen=True)
class Marked:
    """A test that bears the number of a check."""

    file: str
    name: str


def checks(folder: Path = BEHAVIOUR) -> dict[Check, str]:
    """Every acceptance check with its words, in the order of files and numbers."""
    found: dict[Check, str] = {}
    for file in sorted(folder.glob("*.md")):
        _, title, section = file.read_text().partition("Acceptance checks\n")
        if not title:
            continue
        parts = _NUMBER.split(section)[1:]
        expected = 1
        for number, words in zip(parts[::2], parts[1::2], strict=True):
            if int(number) == expected:
                found[file.stem, expected] = " ".join(words.split())
                expected += 1
            else:  # a number at the end of a sentence
                found[file.stem, expected - 1] += f" {number}. {' '.join(words.split())}"
    return found


def marked_tests(folder: Path = ROOT / "tests") -> dict[Check, list[Marked]]:
    """Check → the tests that bear its number."""
    found: dict[Check, list[Marked]] = defaultdict(list)
    for file in sorted(folder.rglob("test_*.py")):
        text = file.read_text()
        if _MARK not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                for check in _marks(node):
                    found[check].append(Marked(file.relative_to(folder).as_posix(), node.name))
    return dict(found)


def _marks(node: ast.FunctionDef) -> Iterator[Check]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == _MARK:
            name, *numbers = (ast.literal_eval(one) for one in decorator.args)
            yield from ((str(name), int(number)) for number in numbers)


def waits_for(check: Check) -> str | None:
    """What a check waits for; None: nothing, it needs a test."""
    name, number = check
    return LATER.get(name, {}).get(number) or REFUSED.get(check)


def missing() -> list[Check]:
    """Checks without a test that wait for nothing."""
    tests = marked_tests()
    return [one for one in checks() if one not in tests and waits_for(one) is None]


def main() -> int:
    """Exit status 1 when a check has no test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true", help="only those without a test")
    only_missing = parser.parse_args().missing
    tests, without = marked_tests(), missing()
    for check, words in checks().items():
        if only_missing and check not in without:
            continue
        print(f"{check[0]} {check[1]}. {words}")
        for test in tests.get(check, ()):
            print(f"    {test.file}::{test.name}")
        if check not in tests:
            print(f"    later: {waits_for(check)}" if waits_for(check) else "    NO TEST")
        elif check in REST:
            print(f"    left out: {REST[check]}")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
