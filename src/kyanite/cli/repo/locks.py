"""``kyanite repo locks``: until when are points protected, as the storage itself says it?"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyanite.cli.repo.address import maintenance_options, open_maintenance, open_storage

if TYPE_CHECKING:
    from kyanite.engine.locks import LockReport


@click.command("locks", help="Until when are points at ADDRESS locked? Exit 1 if too short.")
@maintenance_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(
    address: str, password_file: Path | None, maintenance_key_file: Path | None, as_json: bool
) -> None:
    repository = open_maintenance(open_storage(address), password_file, maintenance_key_file)
    show(repository.locks(), as_json)


def show(report: LockReport, as_json: bool) -> None:
    """Print a report; ends with status 1 if anything is not as it should be."""
    if as_json:
        click.echo(json.dumps(_facts(report), indent=1))
    else:
        for point in report.points:
            until = _text(point.protected_until) or "not protected"
            click.echo(f"{until:<20}  {point.session_id}  {point.label}")
        for one in report.drift:
            found = "missing" if one.missing else f"locked until {_text(one.found) or 'never'}"
            click.echo(f"DRIFT {one.name}: {found}, and should be until {_text(one.wanted)}")
        for name in report.overwritten:
            click.echo(f"OVERWRITTEN {name}: somebody has put other bytes; restore with --as-of.")
        click.echo(f"Extended {report.extended} locks.")
    if report.drift or report.overwritten:
        sys.exit(1)


def _facts(report: LockReport) -> dict[str, object]:
    return {
        "points": [
            {
                "id": point.session_id,
                "label": point.label,
                "wantedUntil": _text(point.wanted),
                "protectedUntil": _text(point.protected_until),
            }
            for point in report.points
        ],
        "extended": report.extended,
        "drift": [
            {
                "name": one.name,
                "wantedUntil": _text(one.wanted),
                "lockedUntil": _text(one.found),
                "missing": one.missing,
            }
            for one in report.drift
        ],
        "overwritten": list(report.overwritten),
    }


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.strftime("%Y-%m-%dT%H:%M:%SZ")
