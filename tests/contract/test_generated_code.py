"""Generated code is what the contract generates, and the served document is the contract."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from kyanite.http.provide import Provisions
from kyanite.server.app import build

ROOT = Path(__file__).resolve().parents[2]


def test_nobody_has_edited_the_generated_code() -> None:
    checked = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "generate_contract.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_operation_that_is_served_is_exactly_that_of_the_contract(tmp_path: Path) -> None:
    served = build(Provisions()).openapi()
    count = sum(len(item) for item in served["paths"].values())
    (tmp_path / "served.json").write_text(json.dumps(served))
    checked = subprocess.run(
        [
            *(sys.executable, str(ROOT / "contract" / "check_contract.py")),
            *(str(tmp_path / "served.json"), "--details"),
            *("--min-ops", str(count), "--min-exact", str(count)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert "that the reference does not have" not in checked.stdout
