"""``kyanite repo diff``: what changed between two points, without reading data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import maintenance_options, open_maintenance, open_storage
from kyanite.cli.repo.points import find_point

if TYPE_CHECKING:
    from kyanite.base.json_types import JsonObject
    from kyanite.engine.differences import DiskDifference


@click.command("diff", help="Show what differs between two points, BEFORE and AFTER.")
@maintenance_options
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(
    address: str,
    password_file: Path | None,
    maintenance_key_file: Path | None,
    before: str,
    after: str,
    as_json: bool,
) -> None:
    repository = open_maintenance(open_storage(address), password_file, maintenance_key_file)
    sessions = [find_point(repository, label).session_id for label in (before, after)]
    disks = repository.differences(sessions[0], sessions[1])
    if as_json:
        click.echo(json.dumps([describe(disk) for disk in disks], indent=1))
        return
    for disk in disks:
        click.echo(f"{disk.name}: {_summary(disk)}")
        for one in disk.ranges:
            what = "zeros" if one.zero else "data"
            click.echo(f"  {one.offset:>16}  {one.length:>14}  {what}")


def describe(disk: DiskDifference) -> JsonObject:
    """The differences of a disk for programs."""
    return {
        "id": disk.disk_id,
        "name": disk.name,
        "beforeBytes": disk.before_bytes,
        "afterBytes": disk.after_bytes,
        "differentBytes": disk.different_bytes,
        "ranges": [
            {"offset": one.offset, "length": one.length, "zero": one.zero} for one in disk.ranges
        ],
    }


def _summary(disk: DiskDifference) -> str:
    if disk.before_bytes is None:
        return f"a new disk of {format_bytes(disk.after_bytes or 0)}"
    if disk.after_bytes is None:
        return f"a disk of {format_bytes(disk.before_bytes)} that is not there any more"
    if not disk.ranges:
        return "nothing differs"
    return f"{format_bytes(disk.different_bytes)} in {len(disk.ranges)} ranges may differ"
