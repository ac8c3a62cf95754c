"""``kyanite repo restore``: write a point, a disk or a range of it into files or onto a device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyanite.base.errors import Conflict, NotFound
from kyanite.base.json_types import JsonObject
from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import (
    as_of_option,
    open_storage,
    parallelism_for,
    read_password,
    repository_options,
    seen_as_of,
)
from kyanite.cli.repo.byte_range import RangeType
from kyanite.cli.repo.early_opening import EarlyOpening
from kyanite.engine.ranges import ByteRange

if TYPE_CHECKING:
    from kyanite.cli.repo.restored_disk import DiskOutcome, DiskRestore
    from kyanite.engine.point import Point, PointDisk


@click.command("restore", help="Restore the point LABEL of the repository at ADDRESS into OUT.")
@repository_options
@as_of_option
@click.argument("label")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--disk", help="Id or name of the disk, if the point has several.")
@click.option("--all", "every", is_flag=True, help="All disks: OUT is a folder of images.")
@click.option("--range", "part", type=RangeType(), help="Only OFFSET:LENGTH of the disk.")
@click.option(
    "--format",
    "image_format",
    type=click.Choice(["raw", "vhd", "vhd-dynamic"]),
    default="raw",
    show_default=True,
    help="raw: the bytes of the disk; vhd: with the footer of a fixed VHD behind them, as Azure "
    "takes it; vhd-dynamic: a VHD without the holes.",
)
@click.option("--overwrite", is_flag=True, help="OUT is a block device that may be overwritten.")
@click.option(
    "--holes", is_flag=True, help="Go on behind what cannot be read: it is zeros, and is named."
)
@click.option(
    "--sync", is_flag=True, help="Wait until files are on the disk; for a device that is always so."
)
@click.option("--json", "as_json", is_flag=True, help="Result and progress as JSON, for programs.")
def command(
    address: str,
    password_file: Path | None,
    as_of: str | None,
    label: str,
    out: Path,
    disk: str | None,
    every: bool,
    part: ByteRange | None,
    image_format: str,
    overwrite: bool,
    holes: bool,
    sync: bool,
    as_json: bool,
) -> None:
    if every and (disk or part or overwrite):
        raise click.UsageError("--all takes whole disks into files; leave the others out.")
    if overwrite and image_format != "raw":
        raise click.UsageError("A block device takes the bytes of the disk: --format raw.")
    storage = seen_as_of(open_storage(address), as_of)
    opening = EarlyOpening(storage, read_password(password_file))
    # What follows is imported while the password is stretched.
    from kyanite.cli.repo.points import find_point
    from kyanite.cli.repo.restored_disk import DiskRestore

    repository = opening.repository()
    point = find_point(repository, label)
    restore = DiskRestore(
        repository,
        point,
        parallelism_for(address),
        image_format,
        overwrite,
        holes,
        as_json,
        sync,
    )
    if every:
        outcomes = _all(restore, point, out)
    else:
        chosen = _chosen(point, disk)
        outcomes = [restore.run(chosen, out, _part_of(chosen, part))]
    if as_json:
        click.echo(json.dumps(_document(point, out, outcomes), indent=1))
    else:
        _say(point, out, outcomes)


def _chosen(point: Point, disk: str | None) -> PointDisk:
    chosen = [one for one in point.disks if disk in (None, one.disk_id, one.name)]
    if len(chosen) != 1:
        names = ", ".join(one.name for one in point.disks) or "none"
        raise NotFound(f"Name one disk of the point with --disk, or take --all; it has: {names}.")
    return chosen[0]


def _part_of(disk: PointDisk, part: ByteRange | None) -> ByteRange:
    whole = ByteRange(0, disk.size_bytes)
    if part is None:
        return whole
    if part.end > disk.size_bytes:
        raise click.BadParameter(
            f"The range ends at {part.end}, the disk at {disk.size_bytes}.", param_hint="--range"
        )
    return part


def _all(restore: DiskRestore, point: Point, out: Path) -> list[DiskOutcome]:
    """Every disk into a folder, which gets its name when all are there."""
    if out.exists():
        raise Conflict(f"{out} exists already; choose another name.")
    folder = out.with_name(out.name + ".partial")
    folder.mkdir(mode=0o700, exist_ok=True)
    mark = folder / ".restore"
    mine = f"{point.session_id} {restore.image_format}"
    if not mark.exists():
        if any(folder.iterdir()):
            raise Conflict(f"{folder} exists and is not empty; remove it, or choose another name.")
        mark.write_text(mine)
    elif mark.read_text() != mine:
        raise Conflict(f"{folder} is of another restore; remove it, or choose another name.")
    from kyanite.cli.repo.restored_disk import DiskOutcome, file_names

    outcomes: list[DiskOutcome] = []
    for disk, name in file_names(point.disks, restore.image_format):
        if (folder / name).exists():  # complete since an earlier attempt
            outcomes.append(DiskOutcome(disk.disk_id, disk.name, name, 0, 0, disk.size_bytes, ()))
            continue
        outcomes.append(restore.run(disk, folder / name, ByteRange(0, disk.size_bytes)))
    mark.unlink()
    folder.rename(out)
    return outcomes


def _document(point: Point, out: Path, outcomes: list[DiskOutcome]) -> JsonObject:
    return {
        "point": point.session_id,
        "label": point.label,
        "out": str(out),
        "disks": [outcome.to_json() for outcome in outcomes],
    }


def _say(point: Point, out: Path, outcomes: list[DiskOutcome]) -> None:
    for outcome in outcomes:
        for offset, length, reason in outcome.lost:
            click.echo(
                f"LOST {outcome.name}: {length} bytes at {offset} are zeros in {out}: {reason}",
                err=True,
            )
    written = sum(outcome.written_bytes for outcome in outcomes)
    before = sum(outcome.resumed_bytes for outcome in outcomes)
    resumed = f" ({format_bytes(before)} were there already)" if before else ""
    what = f"{len(outcomes)} disks" if len(outcomes) > 1 else format_bytes(written)
    click.echo(f"Restored {what} of {point.label} into {out}{resumed}.")
