"""``kyanite repo list``: show the points; and finding a point by its label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyanite.base.errors import EngineError, NotFound
from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import (
    as_of_option,
    maintenance_options,
    open_maintenance,
    open_storage,
    seen_as_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kyanite.base.json_types import JsonObject
    from kyanite.engine.maintenance import Maintenance
    from kyanite.engine.point import Point
    from kyanite.engine.ranges import RangeList


@click.command("list", help="Show the restore points in the repository at ADDRESS.")
@maintenance_options
@as_of_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(
    address: str,
    password_file: Path | None,
    maintenance_key_file: Path | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    storage = seen_as_of(open_storage(address), as_of)
    repository = open_maintenance(storage, password_file, maintenance_key_file)
    points, holes = repository.points(warn), repository.holes()
    if as_json:
        found = [
            {**describe(point), "holes": describe_holes(holes.get(point.session_id, {}))}
            for point in points
        ]
        click.echo(json.dumps(found, indent=1))
        return
    for point in points:
        size = format_bytes(sum(disk.size_bytes for disk in point.disks))
        click.echo(
            f"{point.created_at[:19]}  {point.session_id}  {point.kind:<11}  {size:>10}  "
            f"+{format_bytes(point.stored_bytes):>9}  {point.label}"
            + ("  INCOMPLETE" if point.session_id in holes else "")
        )


def describe(point: Point) -> JsonObject:
    """A point for programs."""
    return {
        "id": point.session_id,
        "label": point.label,
        "machine": point.machine_id,
        "createdAt": point.created_at,
        "kind": point.kind,
        "parent": point.parent,
        "storedBytes": point.stored_bytes,
        "readBytes": point.read_bytes,
        "disks": [
            {"id": disk.disk_id, "name": disk.name, "sizeBytes": disk.size_bytes}
            for disk in point.disks
        ],
    }


def describe_holes(disks: Mapping[str, RangeList]) -> JsonObject:
    """What cannot be restored of a point, by disk."""
    return {
        disk_id: [{"offset": one.offset, "length": one.length} for one in ranges]
        for disk_id, ranges in disks.items()
    }


def warn(session_id: str, error: EngineError) -> None:
    """Say that a point cannot be read; the others can be used all the same."""
    click.echo(f"kyanite: the point {session_id} is left out: {error}", err=True)


def find_point(repository: Maintenance, label: str) -> Point:
    """The newest point with that label, or the one with that id. Raises ``NotFound``."""
    for point in reversed(repository.points(warn)):
        if label in (point.label, point.session_id):
            return point
    raise NotFound(f"The repository has no point {label!r}; `kyanite repo list` shows them.")
